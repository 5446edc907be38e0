//! Prepared statements of one connection, by text.

use std::collections::HashMap;

use tokio_postgres::Statement;

const MOST: usize = 512;

/// A bounded store; when it is full, the quarter unused for longest goes.
#[derive(Default)]
pub(super) struct Statements {
    known: HashMap<Box<str>, (Statement, u64)>,
    clock: u64,
}

impl Statements {
    pub(super) fn find(&mut self, sql: &str) -> Option<Statement> {
        let (statement, used) = self.known.get_mut(sql)?;
        self.clock += 1;
        *used = self.clock;
        Some(statement.clone())
    }

    pub(super) fn keep(&mut self, sql: &str, statement: &Statement) {
        if self.known.len() >= MOST {
            let mut ages: Vec<_> = self.known.values().map(|(_, used)| *used).collect();
            ages.sort_unstable();
            let oldest = ages[MOST / 4];
            self.known.retain(|_, (_, used)| *used >= oldest);
        }
        self.clock += 1;
        self.known.insert(sql.into(), (statement.clone(), self.clock));
    }
}
