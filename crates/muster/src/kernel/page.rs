//! Pages of the platform API (§1.6): what a client asks for and what it gets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::{number, whole};
use super::problem::{Problem, Result};

/// Default size of a page.
pub const DEFAULT_SIZE: u32 = 50;
/// Largest page: public clients send 200 to 2,000 and go by what they asked for.
pub const MAX_SIZE: u32 = 2_000;
/// So many items clients ask for without a thought of what they weigh.
const FEW: usize = 100;
/// So many bytes a page of no more may have, roughly. One of a single item is always answered.
const MAX_BYTES_OF_FEW: usize = 32 << 20;
/// So many a larger one.
const MAX_BYTES: usize = 8 << 20;

/// The paging part of a query string. All optional; `pageToken` of an earlier page wins over `pageIndex`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageQuery {
    /// From 0.
    #[schemars(with = "Option<u32>", extend("default" = 0))]
    pub page_index: Option<String>,
    /// 1–2,000, 50 without.
    #[schemars(with = "Option<u32>", range(min = 1, max = MAX_SIZE), extend("default" = DEFAULT_SIZE))]
    pub page_size: Option<String>,
    /// `data.nextPageToken` of the page before.
    pub page_token: Option<String>,
    /// Literal, case-insensitive substring.
    pub search_term: Option<String>,
}

/// A checked demand for one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Number of the page, from 0.
    pub index: u32,
    /// Most items on it.
    pub size: u32,
}

impl PageQuery {
    /// The page of a list that is whole where none is asked for.
    ///
    /// # Errors
    /// As `request`.
    pub fn if_asked(&self) -> Result<Option<PageRequest>> {
        let parts = [&self.page_index, &self.page_size, &self.page_token];
        let asked = parts.into_iter().flatten().any(|part| !part.is_empty());
        asked.then(|| self.request()).transpose()
    }
    /// Checks the demand.
    ///
    /// # Errors
    /// `Invalid` for something that is no number, a size of 0 or over 2,000, or a token that is not ours.
    pub fn request(&self) -> Result<PageRequest> {
        let index = match self.page_token.as_deref().filter(|t| !t.is_empty()) {
            Some(token) => token.strip_prefix('p').and_then(whole).ok_or_else(|| {
                Problem::invalid("pageToken is not one of ours: take data.nextPageToken of the page before")
            })?,
            None => number("pageIndex", self.page_index.as_deref(), 0..=u32::MAX)?.unwrap_or(0),
        };
        let size = number("pageSize", self.page_size.as_deref(), 1..=MAX_SIZE)?.unwrap_or(DEFAULT_SIZE);
        Ok(PageRequest { index, size })
    }
}

impl PageRequest {
    /// Whether a page may hold so many items of so many bytes together: answers are in memory, several times,
    /// until they are sent.
    ///
    /// # Errors
    /// `Invalid` for more than that on a page of more than one item.
    pub fn bears(self, items: usize, bytes: usize) -> Result<()> {
        let most = if items > FEW { MAX_BYTES } else { MAX_BYTES_OF_FEW };
        if items <= 1 || bytes <= most {
            return Ok(());
        }
        Err(Problem::invalid(format!(
            "A page of {} is too large here: it would hold more than {} MiB. Ask for a smaller one; pages of up \
             to {FEW} items may hold {} MiB, and one item is always answered",
            self.size,
            most >> 20,
            MAX_BYTES_OF_FEW >> 20
        )))
    }
    /// What stands on this page of the whole list.
    pub fn part_of<T>(self, all: Vec<T>) -> Vec<T> {
        let from = usize::try_from(self.offset()).unwrap_or(usize::MAX);
        all.into_iter().skip(from).take(self.size as usize).collect()
    }
    /// Rows before this page.
    pub fn offset(&self) -> i64 {
        i64::from(self.index) * i64::from(self.size)
    }
    /// Rows on this page at most.
    pub fn limit(&self) -> i64 {
        i64::from(self.size)
    }
}

/// One page as the wire has it.
#[allow(clippy::struct_field_names)] // the wire's names
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Page_of_{T}")]
pub struct Page<T> {
    total_pages: u64,
    total_items: u64,
    page_item_count: usize,
    page_size: u32,
    content: Vec<T>,
    page_index: u32,
    empty: bool,
    page_token: Option<String>,
    next_page_token: Option<String>,
}

impl<T> Page<T> {
    /// A page whose items and total the database counted.
    pub fn new(request: PageRequest, content: Vec<T>, total: u64) -> Self {
        let pages = total.div_ceil(u64::from(request.size));
        let more = u64::from(request.index) + 1 < pages;
        Self {
            total_pages: pages,
            total_items: total,
            page_item_count: content.len(),
            page_size: request.size,
            empty: content.is_empty(),
            content,
            page_index: request.index,
            page_token: None,
            next_page_token: more.then(|| format!("p{}", request.index + 1)),
        }
    }
    /// A page cut from the whole list, for small lists that are filtered in memory.
    pub fn cut(request: PageRequest, all: Vec<T>) -> Self {
        let total = all.len() as u64;
        Self::new(request, request.part_of(all), total)
    }
    /// The items, and beside them: how many there are on all pages, the page's number, its size.
    pub fn apart(self) -> (Vec<T>, [u64; 3]) {
        (self.content, [self.total_items, self.page_index.into(), self.page_size.into()])
    }
    /// The same page with each item turned into another.
    pub fn map<U>(self, turn: impl FnMut(T) -> U) -> Page<U> {
        Page {
            total_pages: self.total_pages,
            total_items: self.total_items,
            page_item_count: self.page_item_count,
            page_size: self.page_size,
            content: self.content.into_iter().map(turn).collect(),
            page_index: self.page_index,
            empty: self.empty,
            page_token: self.page_token,
            next_page_token: self.next_page_token,
        }
    }
}
