//! The parts of the API that a credential may be for.

/// Where a token may be presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// The SCIM API.
    Scim,
    /// Every other route that takes a credential.
    Platform,
}

impl Surface {
    /// Both, in the wire's order.
    pub const ALL: [Self; 2] = [Self::Scim, Self::Platform];

    /// The wire's and the database's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scim => "scim",
            Self::Platform => "platform",
        }
    }
    /// What people call it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Scim => "SCIM API",
            Self::Platform => "platform API",
        }
    }
    /// Reads the wire's spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|surface| surface.as_str() == text)
    }
    /// Those that are named, in the wire's order.
    ///
    /// # Errors
    /// What is wrong with the list: a word that is not known, or none at all.
    pub fn named(words: &[String]) -> Result<Vec<Self>, String> {
        if words.is_empty() {
            return Err("is empty; name scim or platform, or leave it out for both".into());
        }
        match words.iter().find(|word| Self::parse(word).is_none()) {
            Some(word) => Err(format!("has {word:?}, which is not known here; use scim, platform")),
            None => Ok(Self::of(words.iter().map(String::as_str))),
        }
    }
    /// What is stored of them: their names with a space between.
    pub fn stored(surfaces: &[Self]) -> String {
        names(surfaces).join(" ")
    }
    /// Reads what is stored. A word of a later release opens nothing.
    pub fn of_stored(text: &str) -> Vec<Self> {
        Self::of(text.split(' '))
    }

    fn of<'w>(words: impl Iterator<Item = &'w str>) -> Vec<Self> {
        let found: Vec<Self> = words.filter_map(Self::parse).collect();
        Self::ALL.into_iter().filter(|surface| found.contains(surface)).collect()
    }
}

/// Their names on the wire.
pub fn names(surfaces: &[Surface]) -> Vec<&'static str> {
    surfaces.iter().map(|surface| surface.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_put_in_order_and_unknown_words_open_nothing() {
        let named =
            |words: &[&str]| Surface::named(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(named(&["platform", "scim", "platform"]), Ok(Surface::ALL.to_vec()));
        assert_eq!(named(&["scim"]), Ok(vec![Surface::Scim]));
        assert!(named(&[]).is_err() && named(&["scim", "SCIM"]).is_err_and(|text| text.contains("SCIM")));
        assert_eq!(Surface::of_stored(&Surface::stored(&Surface::ALL)), Surface::ALL);
        assert_eq!(Surface::of_stored("events scim"), [Surface::Scim]);
        assert_eq!(Surface::of_stored(""), []);
    }
}
