//! Settings: what was typed, then what it means. A flag beats a variable, a variable beats the file.

mod hint;
mod policies;
mod proxies;
mod table;
mod value;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::HeaderName;
use thiserror::Error;
use tracing::level_filters::LevelFilter;

pub use proxies::Proxies;
pub use table::{OTHER_VARIABLES, SETTINGS, Setting, Shape};
pub use value::{LogFormat, Replication, host_name};

use super::data_dir::PepperPlace;
use crate::core::wanted::Wanted;

/// What was said, and where. Nothing of it has been looked at.
#[derive(Debug, Default)]
pub struct Sources {
    /// Settings given as flags: key and text.
    pub flags: Vec<(&'static str, String)>,
    /// The whole environment; names that don't begin with `JETON_` are passed over.
    pub variables: Vec<(OsString, OsString)>,
    /// The settings file named by `--config`.
    pub file: Option<PathBuf>,
    /// The vendors' APIs that there are.
    pub dialects: &'static [&'static str],
}

/// What the settings mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The data directory, when one was named.
    pub data_dir: Option<PathBuf>,
    /// The pepper's file, when one was named.
    pub pepper_file: Option<PathBuf>,
    /// Who replicates the database.
    pub replication: Replication,
    /// Where the journal is copied to.
    pub journal_copy: Option<PathBuf>,
    /// Where to listen.
    pub listen: Listen,
    /// Certificate and key.
    pub tls: Option<TlsFiles>,
    /// Whether a proxy in front does TLS.
    pub behind_proxy: bool,
    /// Whose word the gate takes for where a request came from and what it was.
    pub trusted_proxy: Proxies,
    /// Whether jeton's own API takes their word for where a request came from as well.
    pub api_trusts_proxy: bool,
    /// The one header that the gate reads a token in; `None` for all that may carry one.
    pub gate_header: Option<HeaderName>,
    /// What the gate's named policies want, by name.
    pub gate_policies: BTreeMap<String, Wanted>,
    /// What replies and documents name, without a trailing slash.
    pub public_url: Option<String>,
    /// Further host names to answer to, in lower case.
    pub hosts: Vec<String>,
    /// The vendors' APIs to serve; `None` for all.
    pub dialects: Option<Vec<String>>,
    /// The least level to log.
    pub log: Option<LevelFilter>,
    /// The form of the log.
    pub log_format: Option<LogFormat>,
    /// What the door allows.
    pub door: DoorSettings,
}

/// Where to listen when no sockets were handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Address and port, unless only a Unix socket was asked for.
    pub tcp: Option<(IpAddr, u16)>,
    /// A Unix socket.
    pub unix: Option<PathBuf>,
    /// Whether address, port or unix was given rather than left as it is.
    pub explicit: bool,
}

/// The two PEM files that TLS needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, then its chain.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// The door's limits as settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoorSettings {
    /// Time for a head.
    pub head_timeout: Duration,
    /// Time for a body.
    pub body_timeout: Duration,
    /// Time without a request.
    pub idle_timeout: Duration,
    /// Time for a slow reader.
    pub write_timeout: Duration,
    /// Largest head, in bytes.
    pub head_bytes: usize,
    /// Largest body, in bytes.
    pub body_bytes: usize,
    /// Most headers.
    pub headers: usize,
    /// Most connections.
    pub connections: usize,
    /// Most connections from one address.
    pub connections_per_peer: usize,
}

/// Why the settings can't be used. Every text names the setting and where it came from.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// A variable that begins `JETON_` and means nothing.
    #[error("unknown variable {name}{}", did_you_mean(.hint.as_deref()))]
    UnknownVariable {
        /// The variable.
        name: String,
        /// The nearest known one.
        hint: Option<String>,
    },
    /// A key of the file that means nothing.
    #[error("unknown key `{key}` in {}{}", .file.display(), did_you_mean(.hint.as_deref()))]
    UnknownKey {
        /// The key.
        key: String,
        /// The file.
        file: PathBuf,
        /// The nearest known one.
        hint: Option<String>,
    },
    /// A value that can't be read as what the setting is.
    #[error("{origin}: `{}` isn't {expected}", .text.escape_debug())]
    BadValue {
        /// The flag, variable, or key and file.
        origin: String,
        /// What was given.
        text: String,
        /// What was expected.
        expected: String,
    },
    /// What a policy of the gate wants, and what nothing can be.
    #[error("{field} of [gate_policies.{policy}] in {}: `{}` won't do: {problem}", .file.display(), .text.escape_debug())]
    BadPolicy {
        /// The file.
        file: PathBuf,
        /// The policy's name.
        policy: String,
        /// The key in it.
        field: &'static str,
        /// What was given.
        text: String,
        /// What is wrong with it and what would be right.
        problem: String,
    },
    /// A file that can't be read.
    #[error("can't read the settings file {}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that isn't TOML.
    #[error("{}: {reason}", .file.display())]
    NotToml {
        /// The file.
        file: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// One of the two TLS files.
    #[error("{given} needs {missing} too")]
    HalfOfTls {
        /// The one that was given.
        given: &'static str,
        /// The one that wasn't.
        missing: &'static str,
    },
}

fn did_you_mean(hint: Option<&str>) -> String {
    hint.map(|hint| format!(": did you mean {hint}?")).unwrap_or_default()
}

impl Config {
    /// Where the pepper is.
    pub fn pepper_place(&self) -> PepperPlace {
        PepperPlace::find(self.pepper_file.clone(), std::env::var_os("CREDENTIALS_DIRECTORY"))
    }

    /// Reads, checks and joins the sources.
    pub fn load(sources: Sources) -> Result<Self, ConfigError> {
        let (variables, file_variable) = read_variables(sources.variables)?;
        let mut raw = Raw::default();
        if let Some(file) = sources.file.or(file_variable) {
            raw.add_file(&file)?;
        }
        for (setting, text) in variables {
            raw.add(setting, text, setting.variable());
        }
        for (key, text) in sources.flags {
            let setting =
                SETTINGS.iter().find(|setting| setting.key == key).expect("flags come from the table");
            raw.add(setting, text, format!("--{}", setting.flag()));
        }
        raw.into_config(sources.dialects)
    }
}

type Variables = Vec<(&'static Setting, String)>;

/// The settings among the variables, and `JETON_CONFIG`.
fn read_variables(all: Vec<(OsString, OsString)>) -> Result<(Variables, Option<PathBuf>), ConfigError> {
    let mut found = Vec::new();
    let mut file = None;
    for (name, text) in all {
        let name = name.to_string_lossy().into_owned();
        if !name.starts_with("JETON_") {
            continue;
        }
        if name == "JETON_CONFIG" {
            file = Some(PathBuf::from(text));
        } else if let Some(setting) = SETTINGS.iter().find(|setting| setting.variable() == name) {
            let text = text.into_string().map_err(|text| ConfigError::BadValue {
                origin: name,
                text: text.to_string_lossy().into_owned(),
                expected: "UTF-8".to_owned(),
            })?;
            found.push((setting, text));
        } else if !OTHER_VARIABLES.contains(&name.as_str()) {
            let known: Vec<String> = SETTINGS.iter().map(Setting::variable).collect();
            let known = known.iter().map(String::as_str).chain(OTHER_VARIABLES);
            let hint = hint::nearest(&name, known).map(str::to_owned);
            return Err(ConfigError::UnknownVariable { name, hint });
        }
    }
    Ok((found, file))
}

/// A setting's text and who gave it.
#[derive(Debug)]
struct Given {
    text: String,
    origin: String,
}

/// What was given, before anything but the file's tables has been looked at.
#[derive(Debug, Default)]
struct Raw {
    given: BTreeMap<&'static str, Given>,
    policies: BTreeMap<String, Wanted>,
}

impl Raw {
    fn add(&mut self, setting: &'static Setting, text: String, origin: String) {
        self.given.insert(setting.key, Given { text, origin });
    }

    fn add_file(&mut self, file: &Path) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|source| ConfigError::Unreadable { file: file.to_owned(), source })?;
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| ConfigError::NotToml {
            file: file.to_owned(),
            reason: error.message().to_owned(),
        })?;
        for (key, value) in table {
            if key == policies::KEY {
                self.policies = policies::read(&value, file)?;
                continue;
            }
            let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
                let known = SETTINGS.iter().map(|setting| setting.key).chain([policies::KEY]);
                let hint = hint::nearest(&key, known).map(str::to_owned);
                return Err(ConfigError::UnknownKey { key, file: file.to_owned(), hint });
            };
            let origin = format!("{key} in {}", file.display());
            self.add(setting, toml_text(setting.shape, &value, &origin)?, origin);
        }
        Ok(())
    }

    /// The setting's value, or its default's, or nothing.
    fn get<T>(&self, key: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Option<T>, ConfigError> {
        let Some(given) = self.given.get(key) else {
            let default =
                SETTINGS.iter().find(|setting| setting.key == key).expect("a key of the table").default;
            return Ok(default.map(|text| read(text).expect("defaults of the table can be read")));
        };
        read(&given.text).map(Some).map_err(|expected| ConfigError::BadValue {
            origin: given.origin.clone(),
            text: given.text.clone(),
            expected,
        })
    }

    /// The value of a setting that has a default.
    fn need<T>(&self, key: &str, read: fn(&str) -> Result<T, String>) -> Result<T, ConfigError> {
        Ok(self.get(key, read)?.expect("a setting with a default"))
    }

    fn into_config(self, known: &[&str]) -> Result<Config, ConfigError> {
        Ok(Config {
            data_dir: self.get("data_dir", value::path)?,
            pepper_file: self.get("pepper_file", value::path)?,
            replication: self.need("replication", value::replication)?,
            journal_copy: self.get("journal_copy", value::path)?,
            listen: self.listen()?,
            tls: self.tls()?,
            behind_proxy: self.need("behind_proxy", value::switch)?,
            trusted_proxy: self.need("trusted_proxy", Proxies::parse)?,
            api_trusts_proxy: self.need("api_trusts_proxy", value::switch)?,
            gate_header: self.get("gate_header", value::header)?,
            public_url: self.get("public_url", value::url)?,
            hosts: self.get("hosts", value::hosts)?.unwrap_or_default(),
            dialects: self.get("dialects", |text| known_names(text, known))?,
            log: self.get("log", value::level)?,
            log_format: self.get("log_format", value::format)?,
            door: DoorSettings {
                head_timeout: self.need("head_timeout", value::duration)?,
                body_timeout: self.need("body_timeout", value::duration)?,
                idle_timeout: self.need("idle_timeout", value::duration)?,
                write_timeout: self.need("write_timeout", value::duration)?,
                head_bytes: self.need("head_bytes", value::size)?,
                body_bytes: self.need("body_bytes", value::size)?,
                headers: self.need("headers", value::count)?,
                connections: self.need("connections", value::count)?,
                connections_per_peer: self.need("connections_per_peer", value::count)?,
            },
            gate_policies: self.policies,
        })
    }

    fn listen(&self) -> Result<Listen, ConfigError> {
        let tcp_given = self.given.contains_key("address") || self.given.contains_key("port");
        let unix = self.get("unix", value::path)?;
        let tcp = (self.need("address", value::address)?, self.need("port", value::port)?);
        let explicit = tcp_given || unix.is_some();
        Ok(Listen { tcp: (tcp_given || unix.is_none()).then_some(tcp), unix, explicit })
    }

    fn tls(&self) -> Result<Option<TlsFiles>, ConfigError> {
        match (self.get("tls_cert", value::path)?, self.get("tls_key", value::path)?) {
            (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert, key })),
            (None, None) => Ok(None),
            (Some(_), None) => Err(ConfigError::HalfOfTls { given: "tls_cert", missing: "tls_key" }),
            (None, Some(_)) => Err(ConfigError::HalfOfTls { given: "tls_key", missing: "tls_cert" }),
        }
    }
}

/// Names out of those that there are.
fn known_names(text: &str, known: &[&str]) -> Result<Vec<String>, String> {
    let names = value::names(text)?;
    if names.iter().all(|name| known.contains(&name.as_str())) {
        Ok(names)
    } else {
        Err(format!("a list out of {}, or none", known.join(", ")))
    }
}

/// A TOML value as the text that a flag would have given; its type has to suit the setting.
fn toml_text(shape: Shape, value: &toml::Value, origin: &str) -> Result<String, ConfigError> {
    let expected = match (shape, value) {
        (Shape::Switch, toml::Value::Boolean(on)) => return Ok(on.to_string()),
        (Shape::Port | Shape::Count | Shape::Size, toml::Value::Integer(number)) => {
            return Ok(number.to_string());
        }
        (Shape::Switch, _) => "true or false, without quotes",
        (Shape::Port | Shape::Count, _) => "a whole number, without quotes",
        (_, toml::Value::String(text)) => return Ok(text.clone()),
        _ => "a text in quotes",
    };
    Err(ConfigError::BadValue {
        origin: origin.to_owned(),
        text: value.to_string(),
        expected: expected.to_owned(),
    })
}

#[cfg(test)]
mod tests;
