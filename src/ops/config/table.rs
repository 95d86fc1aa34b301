//! The one table that flags, `JETON_*` variables, TOML keys and the sample file come from.

use super::{proxies::Proxies, value};

/// What a setting's text has to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A path.
    Path,
    /// An IP address.
    Address,
    /// A TCP port; 0 lets the system choose.
    Port,
    /// Addresses and networks, parted by commas.
    Networks,
    /// `true` or `false`; as a flag it stands alone.
    Switch,
    /// A duration such as `10s`, `500ms` or `1m`.
    Duration,
    /// A number of bytes, such as `16KiB`.
    Size,
    /// A whole number, one or more.
    Count,
    /// A log level.
    Level,
    /// A log format.
    Format,
    /// An http or https address.
    Url,
    /// Names parted by commas, or `none`.
    Names,
    /// Host names parted by commas, or `none`.
    Hosts,
    /// The name of a header that may carry a token.
    Header,
    /// Who replicates the database.
    Replication,
}

impl Shape {
    /// What stands for the value in a usage line.
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::Path => "PATH",
            Self::Address => "IP",
            Self::Port => "PORT",
            Self::Networks => "LIST",
            Self::Switch => "BOOL",
            Self::Duration => "DURATION",
            Self::Size => "SIZE",
            Self::Count => "N",
            Self::Level => "LEVEL",
            Self::Format => "FORMAT",
            Self::Url => "URL",
            Self::Names | Self::Hosts => "NAMES",
            Self::Header => "HEADER",
            Self::Replication => "NAME",
        }
    }

    /// Whether `text` is a value of this shape.
    ///
    /// # Errors
    /// What was expected instead, to follow "isn't".
    pub fn check(self, text: &str) -> Result<(), String> {
        match self {
            Self::Path => value::path(text).map(drop),
            Self::Address => value::address(text).map(drop),
            Self::Port => value::port(text).map(drop),
            Self::Networks => Proxies::parse(text).map(drop),
            Self::Switch => value::switch(text).map(drop),
            Self::Duration => value::duration(text).map(drop),
            Self::Size => value::size(text).map(drop),
            Self::Count => value::count(text).map(drop),
            Self::Level => value::level(text).map(drop),
            Self::Format => value::format(text).map(drop),
            Self::Url => value::url(text).map(drop),
            Self::Names => value::names(text).map(drop),
            Self::Hosts => value::hosts(text).map(drop),
            Self::Header => value::header(text).map(drop),
            Self::Replication => value::replication(text).map(drop),
        }
    }
}

/// One setting of `jeton serve`.
#[derive(Debug)]
pub struct Setting {
    /// The TOML key; flag and variable follow from it.
    pub key: &'static str,
    /// What its value looks like.
    pub shape: Shape,
    /// The value when nothing is said; `None` when the absence means something of its own.
    pub default: Option<&'static str>,
    /// A line of words.
    pub help: &'static str,
}

impl Setting {
    /// The flag without its dashes: `head-timeout`.
    pub fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    /// The environment variable: `JETON_HEAD_TIMEOUT`.
    pub fn variable(&self) -> String {
        format!("JETON_{}", self.key.to_ascii_uppercase())
    }
}

/// Variables that aren't settings: the path of the settings file, and what the command line reads.
pub const OTHER_VARIABLES: [&str; 3] = ["JETON_CONFIG", "JETON_TOKEN", "JETON_URL"];

/// Every setting, in the order of the sample file.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "data_dir",
        shape: Shape::Path,
        default: None,
        help: "Directory of the database and its keys [default: $STATE_DIRECTORY, else ./jeton-data; commands other than serve look at /var/lib/jeton first]",
    },
    Setting {
        key: "pepper_file",
        shape: Shape::Path,
        default: None,
        help: "File of the pepper, which jeton reads and never writes [default: systemd's credential pepper, else pepper.key in the data directory]",
    },
    Setting {
        key: "replication",
        shape: Shape::Replication,
        default: Some("none"),
        help: "Who replicates the database as it is written, the one other program that may open it: none or litestream",
    },
    Setting {
        key: "journal_copy",
        shape: Shape::Path,
        default: None,
        help: "File that jeton.journal is copied to as it is written, on another disk or in what is replicated elsewhere",
    },
    Setting {
        key: "address",
        shape: Shape::Address,
        default: Some("127.0.0.1"),
        help: "Address to listen on; one that isn't loopback needs TLS or behind_proxy",
    },
    Setting {
        key: "port",
        shape: Shape::Port,
        default: Some("8700"),
        help: "TCP port to listen on; 0 takes a free one",
    },
    Setting {
        key: "unix",
        shape: Shape::Path,
        default: None,
        help: "Unix socket to listen on, instead of TCP unless address or port is given too",
    },
    Setting {
        key: "tls_cert",
        shape: Shape::Path,
        default: None,
        help: "PEM file with the certificate and its chain; needs tls_key",
    },
    Setting {
        key: "tls_key",
        shape: Shape::Path,
        default: None,
        help: "PEM file with the certificate's private key; needs tls_cert",
    },
    Setting {
        key: "behind_proxy",
        shape: Shape::Switch,
        default: Some("false"),
        help: "A proxy in front does TLS: allow plain HTTP on an address that isn't loopback",
    },
    Setting {
        key: "trusted_proxy",
        shape: Shape::Networks,
        default: Some("127.0.0.0/8, ::1"),
        help: "Proxies whose word the gate takes for the client's address and the original request: addresses and networks parted by commas, unix for peers on a Unix socket, none for nobody",
    },
    Setting {
        key: "api_trusts_proxy",
        shape: Shape::Switch,
        default: Some("false"),
        help: "Believe the X-Forwarded-For of trusted proxies at jeton's own API too",
    },
    Setting {
        key: "gate_header",
        shape: Shape::Header,
        default: None,
        help: "Header that carries the gate's token, which then is looked for nowhere else [default: all that jeton's own API reads]",
    },
    Setting {
        key: "public_url",
        shape: Shape::Url,
        default: None,
        help: "Address that replies and documents name, such as https://tokens.example.org",
    },
    Setting {
        key: "hosts",
        shape: Shape::Hosts,
        default: None,
        help: "Names that jeton answers to beside IP addresses, localhost and public_url's: parted by commas, or none [default: none]",
    },
    Setting {
        key: "dialects",
        shape: Shape::Names,
        default: None,
        help: "Other vendors' token APIs to serve beside the own one: names parted by commas, or none [default: all]",
    },
    Setting {
        key: "log",
        shape: Shape::Level,
        default: None,
        help: "Least level to log: off, error, warn, info, debug or trace [default: info; warn in commands other than serve]",
    },
    Setting {
        key: "log_format",
        shape: Shape::Format,
        default: None,
        help: "Form of the log: text or json [default: text on a terminal, json elsewhere]",
    },
    Setting {
        key: "head_timeout",
        shape: Shape::Duration,
        default: Some("10s"),
        help: "Time for a request's head to arrive",
    },
    Setting {
        key: "body_timeout",
        shape: Shape::Duration,
        default: Some("10s"),
        help: "Time for a request's body to arrive",
    },
    Setting {
        key: "idle_timeout",
        shape: Shape::Duration,
        default: Some("60s"),
        help: "Time that a connection may stay open without a request",
    },
    Setting {
        key: "write_timeout",
        shape: Shape::Duration,
        default: Some("30s"),
        help: "Time that a reply may wait for a slow reader",
    },
    Setting {
        key: "head_bytes",
        shape: Shape::Size,
        default: Some("16KiB"),
        help: "Largest head of a request",
    },
    Setting {
        key: "body_bytes",
        shape: Shape::Size,
        default: Some("16KiB"),
        help: "Largest body of a request",
    },
    Setting { key: "headers", shape: Shape::Count, default: Some("64"), help: "Most headers in a request" },
    Setting {
        key: "connections",
        shape: Shape::Count,
        default: Some("20000"),
        help: "Most connections open at a time",
    },
    Setting {
        key: "connections_per_peer",
        shape: Shape::Count,
        default: Some("15000"),
        help: "Most connections open at a time from one address",
    },
];
