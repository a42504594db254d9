//! JSON objects. What `serde` derives for a struct reads a list of its values as well, in the order of its members: nobody who
//! reads JSON by its names would take that for the same, and this authority never writes it.

use core::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

/// Reads an object, and nothing else, into a struct.
pub(crate) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(Members(PhantomData))
}

/// Reads a whole text that is an object, and nothing else, into a struct.
pub(crate) fn object_from_slice<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let read = object(&mut deserializer)?;
    deserializer.end()?;
    Ok(read)
}

struct Members<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Pair<'a> {
        name: &'a str,
        number: u64,
    }

    #[test]
    fn an_object_is_read_and_a_list_of_its_values_is_not() {
        let read = |json: &'static str| object_from_slice::<Pair<'_>>(json.as_bytes()).ok();
        assert_eq!(read(r#" {"number":7,"name":"a"} "#), Some(Pair { name: "a", number: 7 }));
        assert!(serde_json::from_str::<Pair<'_>>(r#"["a",7]"#).is_ok(), "what is derived would take it");
        for other in [r#"["a",7]"#, r#"{"name":"a","number":7}x"#, r#"{"name":"a"}"#, r#""a""#, "7", "null", ""] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
