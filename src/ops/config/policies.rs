//! The gate's named policies: tables of the settings file, and of nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Value;

use super::{ConfigError, hint};
use crate::core::refusal::Refusal;
use crate::core::wanted::Wanted;

/// The key that their tables are below.
pub(super) const KEY: &str = "gate_policies";

/// The keys of a policy.
const FIELDS: [&str; 3] = ["require", "organization", "module"];

/// Reads all of them.
pub(super) fn read(value: &Value, file: &Path) -> Result<BTreeMap<String, Wanted>, ConfigError> {
    let origin = || format!("{KEY} in {}", file.display());
    let Value::Table(tables) = value else {
        return Err(bad(origin(), value, "a table for each policy, such as [gate_policies.orders]"));
    };
    let mut policies = BTreeMap::new();
    for (name, value) in tables {
        if !is_name(name) {
            let expected = "a policy's name: 1 to 63 of a-z, 0-9 and -";
            return Err(ConfigError::BadValue {
                origin: origin(),
                text: name.clone(),
                expected: expected.to_owned(),
            });
        }
        policies.insert(name.clone(), Policy { name, file }.read(value)?);
    }
    Ok(policies)
}

/// A name as a path of the gate has it.
fn is_name(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(good)
}

/// One policy and where it stands, for what is said of it.
struct Policy<'a> {
    name: &'a str,
    file: &'a Path,
}

impl Policy<'_> {
    fn read(&self, value: &Value) -> Result<Wanted, ConfigError> {
        let Value::Table(fields) = value else {
            let origin = format!("{KEY}.{} in {}", self.name, self.file.display());
            return Err(bad(origin, value, "a table such as [gate_policies.orders]"));
        };
        let mut wanted = Wanted::default();
        for (field, value) in fields {
            match FIELDS.into_iter().find(|known| field == known) {
                Some("require") => self.require(&mut wanted, value)?,
                Some(field @ "organization") => self.one(field, value, |slug| wanted.organization(slug))?,
                Some(field) => self.one(field, value, |number| wanted.module(number))?,
                None => {
                    return Err(ConfigError::UnknownKey {
                        key: format!("{KEY}.{}.{}", self.name, field.escape_debug()),
                        file: self.file.to_owned(),
                        hint: hint::nearest(field, FIELDS.into_iter()).map(str::to_owned),
                    });
                }
            }
        }
        Ok(wanted)
    }

    fn require(&self, wanted: &mut Wanted, value: &Value) -> Result<(), ConfigError> {
        let expected = r#"a list of texts in quotes, such as ["orders:read", "a:b|c:d"]"#;
        let Value::Array(values) = value else {
            return Err(bad(self.origin("require"), value, expected));
        };
        for value in values {
            let Value::String(text) = value else {
                return Err(bad(self.origin("require"), value, expected));
            };
            wanted.require(text).map_err(|refusal| self.refused("require", text, &refusal))?;
        }
        Ok(())
    }

    fn one(
        &self,
        field: &'static str,
        value: &Value,
        add: impl FnOnce(&str) -> Result<(), Refusal>,
    ) -> Result<(), ConfigError> {
        let Value::String(text) = value else {
            return Err(bad(self.origin(field), value, "a text in quotes"));
        };
        add(text).map_err(|refusal| self.refused(field, text, &refusal))
    }

    fn origin(&self, field: &str) -> String {
        format!("{field} of [{KEY}.{}] in {}", self.name, self.file.display())
    }

    fn refused(&self, field: &'static str, text: &str, refusal: &Refusal) -> ConfigError {
        // What is wrong without the field, which is named already.
        let problem = match refusal {
            Refusal::Invalid { problem, .. } => problem.clone(),
            other => other.to_string(),
        };
        ConfigError::BadPolicy {
            file: self.file.to_owned(),
            policy: self.name.to_owned(),
            field,
            text: text.to_owned(),
            problem,
        }
    }
}

fn bad(origin: String, value: &Value, expected: &str) -> ConfigError {
    ConfigError::BadValue { origin, text: value.to_string(), expected: expected.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{BTreeMap, ConfigError, Wanted, read};

    fn policies(text: &str) -> Result<BTreeMap<String, Wanted>, ConfigError> {
        let table: toml::Table = text.parse().unwrap();
        read(&table["gate_policies"], Path::new("/etc/jeton.toml"))
    }

    #[test]
    fn a_policy_is_what_it_wants() {
        let read = policies(
            "[gate_policies.orders]\n\
             require = [\"orders:read\", \"a:b|c:d\"]\n\
             organization = \"acme\"\n\
             module = \"MOD-1234\"\n\
             [gate_policies.any-2]\n\
             require = []\n\
             [gate_policies.bare]\n",
        );
        let mut orders = Wanted::default();
        orders.require("orders:read").unwrap();
        orders.require("a:b|c:d").unwrap();
        orders.organization("acme").unwrap();
        orders.module("MOD-1234").unwrap();
        let any = Wanted::default();
        let expected = [("any-2", any.clone()), ("bare", any), ("orders", orders)];
        assert_eq!(read.unwrap(), expected.map(|(name, wanted)| (name.to_owned(), wanted)).into());
    }

    #[test]
    fn what_is_no_policy_is_refused_by_file_policy_and_field() {
        let long = format!("[gate_policies.{}]", "x".repeat(64));
        for (text, named) in [
            ("gate_policies = 1", &["gate_policies in", "a table for each policy"][..]),
            ("gate_policies = [{}]", &["gate_policies in", "a table for each policy"]),
            ("gate_policies.orders = [\"a:b\"]", &["gate_policies.orders in", "a table such as"]),
            ("[gate_policies.Orders]", &["`Orders`", "1 to 63 of a-z, 0-9 and -"]),
            ("[gate_policies.a_b]", &["`a_b`", "a policy's name"]),
            ("[gate_policies.\"\"]", &["``", "a policy's name"]),
            ("[gate_policies.\"a\\u001b\"]", &["`a\\u{1b}`", "a policy's name"]),
            (&long, &["xxx", "a policy's name"]),
            (
                "[gate_policies.x]\nrequires = []",
                &["unknown key `gate_policies.x.requires`", "did you mean require?"],
            ),
            ("[gate_policies.x]\n\"\\u001b\" = 1", &["unknown key `gate_policies.x.\\u{1b}`"]),
            ("[gate_policies.x]\nrequire = \"a:b\"", &["require of [gate_policies.x]", "a list of texts"]),
            ("[gate_policies.x]\nrequire = [1]", &["require of [gate_policies.x]", "`1`", "a list of texts"]),
            (
                "[gate_policies.x]\nrequire = [\"orders\"]",
                &["require of [gate_policies.x]", "`orders`", "domain:action"],
            ),
            ("[gate_policies.x]\nrequire = [\"a:b|\"]", &["require of", "`a:b|`", "domain:action"]),
            ("[gate_policies.x]\nrequire = [\"jeton:x\"]", &["require of", "reserved"]),
            (
                "[gate_policies.x]\norganization = true",
                &["organization of [gate_policies.x]", "a text in quotes"],
            ),
            (
                "[gate_policies.x]\norganization = \"ACC-1234-5678\"",
                &["organization of [gate_policies.x]", "`ACC-1234-5678`", "slug"],
            ),
            ("[gate_policies.x]\norganization = \"Ac me\"", &["organization of", "`Ac me`", "a slug"]),
            ("[gate_policies.x]\nmodule = 1234", &["module of [gate_policies.x]", "a text in quotes"]),
            ("[gate_policies.x]\nmodule = \"1234\"", &["module of [gate_policies.x]", "MOD-dddd"]),
        ] {
            let said = policies(text).unwrap_err().to_string();
            assert!(said.contains("/etc/jeton.toml"), "{text}: {said}");
            for named in named {
                assert!(said.contains(named), "{text}: {said}");
            }
            assert!(!said.contains('\u{1b}'), "{said:?}");
        }
    }

    #[test]
    fn a_policy_wants_no_more_than_a_token_can_hold() {
        let many = |count: usize| {
            let list: Vec<String> = (0..count).map(|number| format!("\"a:b{number}\"")).collect();
            policies(&format!("[gate_policies.x]\nrequire = [{}]", list.join(", ")))
        };
        assert!(many(100).is_ok());
        assert!(many(101).unwrap_err().to_string().contains("at most 100"));
    }
}
