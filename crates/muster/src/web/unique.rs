//! JSON whose objects name each member once. With two of one name, two readers of the same text would see
//! different things (RFC 8259 §4 leaves open which one counts). Found in the one pass there is, parsing.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Error, Map, Number, Value};

/// Parses a whole text.
///
/// # Errors
/// Of the category `Data` where a member stands twice, with its name and place; else what `serde_json` says.
pub fn parse(bytes: &[u8]) -> Result<Value, Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Unique.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Any document whose objects name each member once, for bodies that are read member by member.
#[derive(Debug, JsonSchema)]
#[schemars(transparent, inline)]
pub struct Document(pub Value);

impl<'de> serde::Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Unique.deserialize(deserializer).map(Self)
    }
}

/// As `Document`, of an object; what is none is refused as any other member of a wrong kind.
#[derive(Debug, JsonSchema)]
#[schemars(transparent, inline)]
pub struct Object(pub Map<String, Value>);

impl<'de> serde::Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members).map(Self)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        members(object)
    }
}

#[derive(Clone, Copy)]
struct Unique;

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Value, A::Error> {
        members(object).map(Value::Object)
    }
}

fn members<'de, A: MapAccess<'de>>(mut object: A) -> Result<Map<String, Value>, A::Error> {
    let mut members = Map::new();
    while let Some(name) = object.next_key::<String>()? {
        match members.entry(name) {
            Entry::Vacant(place) => drop(place.insert(object.next_value_seed(Unique)?)),
            Entry::Occupied(taken) => {
                let name = taken.key();
                let shown: String = name.chars().take(64).collect();
                return Err(A::Error::custom(format!("the member {shown:?} stands twice in one object")));
            }
        }
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_serde_json_reads() {
        for text in [
            "null",
            "true",
            " [1, -2, 3.5, 1e300, 18446744073709551615, []] ",
            r#"{"a": {"b": [{"a": "\u00e4\n"}]}, "": ""}"#,
            r#""x""#,
            r#"[{"a": 1}, {"a": 2}]"#,
        ] {
            let plain: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse(text.as_bytes()).unwrap(), plain, "{text}");
        }
        for text in ["", "{", "[1,]", "{} x", "nul", r#"{"a" 1}"#, &"[".repeat(200), "\"\u{1}\""] {
            assert!(parse(text.as_bytes()).is_err_and(|error| !error.is_data()), "{text}");
        }
        assert!(parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn a_member_stands_once_at_every_depth() {
        for text in [r#"{"a": 1, "a": 1}"#, r#"{"b": [{"x": {"a": null, "c": 2, "\u0061": null}}]}"#] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(
                error.is_data() && error.to_string().contains("the member \"a\" stands twice"),
                "{error}"
            );
        }
    }
}
