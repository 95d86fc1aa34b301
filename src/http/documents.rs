//! The OpenAPI documents as they are served: each API's own, and one of everything that is on.
//!
//! They are files, `openapi.json` in the folder of their API, written by what the handlers say of themselves and held to
//! it by a test (`JETON_GOLDEN=write cargo test --lib documents` writes them anew). So the program carries no code that
//! makes them, and whoever changes an API sees that in the difference.

use std::{collections::BTreeMap, io::Read as _};

use flate2::read::ZlibDecoder;
use rocket::{State, get};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Site, dialects::Dialects, reply::Reply};

/// A document as the program carries it.
#[derive(Clone, Copy)]
pub(super) struct Carried(pub(super) &'static [u8]);

/// The document of the API whose folder has this name.
macro_rules! carried {
    ($folder:literal) => {
        $crate::http::documents::Carried(include_bytes!(concat!(env!("OUT_DIR"), "/", $folder, ".json.z")))
    };
}
pub(super) use carried;

/// jeton's own API's.
const OWN: Carried = carried!("native");

impl Carried {
    /// The document's text.
    pub(super) fn text(self) -> String {
        let mut text = String::new();
        ZlibDecoder::new(self.0)
            .read_to_string(&mut text)
            .expect("it was compressed as the program was built");
        text
    }

    fn parsed(self) -> Document {
        serde_json::from_str(&self.text()).expect("it is a document")
    }
}

/// An OpenAPI document. A member that isn't here would be lost where two are joined, so it is refused.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    openapi: String,
    info: Value,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    servers: Vec<Value>,
    paths: BTreeMap<String, Map<String, Value>>,
    components: BTreeMap<String, Map<String, Value>>,
    security: Vec<Value>,
}

impl Document {
    /// Adds another's operations and what they refer to.
    fn join(&mut self, other: Self) {
        for (path, item) in other.paths {
            self.paths.entry(path).or_default().extend(item);
        }
        for (kind, components) in other.components {
            let ours = self.components.entry(kind).or_default();
            for (name, component) in components {
                ours.entry(name).or_insert(component);
            }
        }
        for way in other.security {
            if !self.security.contains(&way) {
                self.security.push(way);
            }
        }
    }

    /// Adds the operation that answers with a dialect's own document.
    fn list(&mut self, dialect: &str) {
        let mut item = self.paths["/openapi.json"].clone();
        item["get"]["operationId"] = format!("documents_{dialect}").into();
        item["get"]["summary"] = format!("The {dialect} dialect alone.").into();
        self.paths.insert(path_of(dialect), item);
    }
}

/// Where a dialect's own document is.
pub(super) fn path_of(dialect: &str) -> String {
    format!("/openapi/{dialect}.json")
}

/// This document: of everything that is served here.
#[utoipa::path(get, path = "/openapi.json", tag = "documents", security(()),
    responses((status = 200, body = serde_json::Value)))]
#[get("/openapi.json")]
pub(super) fn openapi(site: &State<Site>) -> Reply {
    Reply::json_text(site.document.get_or_init(|| openapi_json(&site.dialects)).clone())
}

/// The OpenAPI document of everything that is served.
pub fn openapi_json(dialects: &Dialects) -> String {
    let mut whole = OWN.parsed();
    for (name, document) in dialects.documents() {
        whole.join(document.parsed());
        whole.list(name);
    }
    serde_json::to_string_pretty(&whole).expect("the document is plain data")
}

#[cfg(test)]
mod tests {
    use std::{env, fs, path::Path};

    use utoipa::openapi::OpenApi;

    use super::{Document, OWN, openapi_json};
    use crate::http::{dialects::Dialects, native::document};

    /// Holds what is carried to what the handlers say, or writes that down.
    fn hold(folder: &str, carried: &str, described: &OpenApi) {
        let described = described.to_pretty_json().expect("the document is plain data") + "\n";
        if env::var("JETON_GOLDEN").is_ok_and(|wish| wish == "write") {
            let path =
                Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http").join(folder).join("openapi.json");
            fs::write(path, described).unwrap();
            return;
        }
        let words = "what handlers say isn't what stands in";
        assert!(carried == described, "{words} src/http/{folder}/openapi.json: JETON_GOLDEN=write writes it");
    }

    #[test]
    fn the_documents_are_what_the_handlers_say() {
        hold("native", &OWN.text(), &document::own());
        for (name, carried, described) in Dialects::all().described() {
            hold(&format!("dialects/{name}"), &carried.text(), &described);
        }
    }

    #[test]
    fn joined_they_are_what_utoipa_makes_of_them() {
        let mut whole = document::own();
        for (_, _, described) in Dialects::all().described() {
            whole.merge(described);
        }
        let expected: Document = serde_json::from_str(&whole.to_json().unwrap()).unwrap();
        let mut joined: Document = serde_json::from_str(&openapi_json(&Dialects::all())).unwrap();
        joined.paths.retain(|path, _| !path.starts_with("/openapi/"));
        assert_eq!(joined, expected);
    }
}
