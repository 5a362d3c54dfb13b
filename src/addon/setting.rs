//! A setting as an add-on declares it, with the type of its value.

use serde::Deserialize;
use serde_json::Value;

use crate::duration;

/// A setting that an add-on declares.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setting {
    #[serde(rename = "type")]
    pub value_type: SettingType,
    pub default: Value,
    /// One line for users.
    pub about: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SettingType {
    Integer,
    Boolean,
    String,
    /// In Go's syntax, without a sign: `15s`, `1m30s`.
    Duration,
}

impl SettingType {
    /// Checks the type of a value from a definition.
    ///
    /// # Errors
    /// Returns a message with the expected type if the value is not of this type.
    pub(crate) fn check(self, value: &Value) -> Result<(), String> {
        let (fits, wanted) = match self {
            SettingType::Integer => (value.is_i64(), "a whole number"),
            SettingType::Boolean => (value.is_boolean(), "true or false"),
            SettingType::String => (value.is_string(), "a string"),
            SettingType::Duration => {
                let is_duration =
                    |text: &str| !text.starts_with(['-', '+']) && duration::parse(text).is_ok();
                (value.as_str().is_some_and(is_duration), "a duration such as 15s")
            }
        };
        if fits { Ok(()) } else { Err(format!("{value} is not {wanted}")) }
    }

    /// The value in the text of a command line.
    ///
    /// # Errors
    /// Returns a message with the expected type if the text is not of this type.
    pub(crate) fn parse(self, text: &str) -> Result<Value, String> {
        let value = match self {
            SettingType::Integer => text.parse::<i64>().ok().map(Value::from),
            SettingType::Boolean => text.parse::<bool>().ok().map(Value::from),
            SettingType::String | SettingType::Duration => None,
        };
        let value = value.unwrap_or_else(|| Value::from(text));
        self.check(&value).map(|()| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_against_their_type() {
        for (kind, text, wanted) in [
            (SettingType::Integer, "3", Some(Value::from(3))),
            (SettingType::Integer, "three", None),
            (SettingType::Boolean, "true", Some(Value::from(true))),
            (SettingType::Boolean, "yes", None),
            (SettingType::String, "3", Some(Value::from("3"))),
            (SettingType::Duration, "1m30s", Some(Value::from("1m30s"))),
            (SettingType::Duration, "15", None),
            (SettingType::Duration, "-15s", None),
            (SettingType::Duration, "s", None),
            (SettingType::Duration, "", None),
        ] {
            assert_eq!(kind.parse(text).ok(), wanted, "{text}");
        }
    }
}
