//! What every text in the document looks like. A name means one thing wherever it stands, so its form is said once,
//! here; a name without one fails a test.

use serde_json::Value;
use utoipa::{
    Number,
    openapi::{
        OpenApi, RefOr, Required, Schema,
        path::Operation,
        schema::{
            AdditionalProperties, ArrayItems, KnownFormat, Object, ObjectBuilder, SchemaFormat, SchemaType,
            Type,
        },
    },
};

use super::lists::TABLE;
use crate::{
    core::{expiries::MOST_DAYS, limits, organization::LARGEST_QUOTA, privilege, text, user},
    http::query::PAGE,
};

/// How a text may look.
enum Form {
    /// It matches a pattern and has at most so many characters; `usize::MAX` for any number.
    Pattern(&'static str, usize),
    /// It is one of these words.
    Words(&'static [&'static str]),
    /// RFC 3339.
    Instant,
    /// At least and at most so many characters, not to be shown.
    Password(usize, usize),
    /// There is no more to say.
    Any,
}

/// One line: no control characters.
const LINE: &str = r"^[^\x00-\x1f\x7f-\x9f]*$";
/// One line that isn't of white space alone.
const NAME: &str = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$";
/// Several lines.
const LINES: &str = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$";
const UUID: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";
const USERNAME: &str = "^[a-z0-9][a-z0-9._@-]*$";
/// A username or an id.
const USER: &str = "^[A-Za-z0-9][A-Za-z0-9._@-]*$";
/// A slug, a number or an id.
const REFERENCE: &str = "^[A-Za-z0-9][A-Za-z0-9-]*$";
const PRIVILEGE: &str = r"^(\*|[a-z0-9._-]+):(\*|[a-z0-9._-]+)$";
/// One, or several of which one will do.
const REQUIRED: &str = r"^(\*|[a-z0-9._-]+):(\*|[a-z0-9._-]+)(\|(\*|[a-z0-9._-]+):(\*|[a-z0-9._-]+))*$";
const KIND: &str = "^[a-z_]+\\.[a-z_]*$";
/// An address, perhaps with a prefix.
const NETWORK: &str = "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$";
/// A method, a host and a path.
const ROUTE: &str = r"^(\*|[A-Z-]+) [0-9A-Za-z._:*\[\]-]+/[!-~]*$";
/// As many parts as there are.
const PATH: &str = "^[^/?#]+(/[^/?#]+)*$";
const DURATION: &str = "^[1-9][0-9]{0,9}[smhdw]$";

/// The form of a text by its name, and where that doesn't say it all, by the schema that it stands in.
fn form(schema: &str, name: &str) -> Option<Form> {
    Some(match (schema, name) {
        ("Problem" | "HeldToken", "code") => Form::Pattern("^[a-z_]+$", 40),
        ("LeakVerdict", "label") => Form::Words(&["true_positive", "false_positive"]),
        ("LeakVerdict", "token_hash") => Form::Pattern("^[0-9A-Za-z+/]{43}=$", 44),
        (
            "Problem" | "Health" | "EventsVerdict" | "TokenForm" | "LeakReport" | "LeakVerdict"
            | "ImportProblem",
            _,
        )
        | ("Leak", "type" | "url" | "source" | "address")
        | ("ImportedToken", "digest")
        | ("IntrospectionForm" | "RevocationForm", "token")
        | ("IntrospectionBatch" | "LeakCheck", "tokens")
        | ("IntrospectionForm" | "IntrospectionBatch", "method" | "host")
        | ("IntrospectionForm", "require")
        | ("Straggler" | "SessionRow", "address" | "agent")
        | ("Token", "last_used_address" | "last_used_agent")
        | ("Event", "detail" | "address") => Form::Any,
        ("ImportedToken", "algorithm") => Form::Words(&["sha256", "sha512"]),
        ("ImportedToken", "expires_at") => Form::Pattern("^(never|[0-9]{4}-.+)$", 40),
        ("IntrospectionForm" | "IntrospectionBatch", "address") => Form::Pattern("^[0-9A-Fa-f:.]*$", 45),
        ("IntrospectionForm" | "IntrospectionBatch", "path") => Form::Pattern("^(/|$)", usize::MAX),
        ("RevocationFilter", "id_prefix") => Form::Pattern("^[0-9A-Fa-f-]{8,36}$", 36),
        ("CreateRevocation" | "Revocation", "action") => Form::Words(&["disable", "delete"]),
        ("CreateRevocation" | "Revocation", "digest") => Form::Pattern("^[0-9a-f]{64}$", 64),
        ("ExpiryCalendar", "since") => Form::Pattern("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", 10),
        ("UsedFrom", _) if name != "last_at" => Form::Any,
        ("CreateUser", "email") => {
            Form::Pattern(r"^[^@\s\x00-\x1f\x7f-\x9f]+@[^@\s\x00-\x1f\x7f-\x9f]+$", 254)
        }
        ("AddModule" | "Module", "number") => Form::Pattern("^MOD-[0-9]{4}(-[0-9]{4})?$", 13),
        ("CreatedToken", "token") | ("Grant", "access_token") => {
            Form::Pattern("^jtn_[0-9A-Za-z]{22}_[0-9A-Za-z]{49}$", 76)
        }
        ("CreatedFeed", "url") => {
            Form::Pattern("^[!-~]*/v1/expiries[.]ics[?]key=jtf_[0-9A-Za-z]{43}$", 2_000)
        }
        ("Event", "kind") => Form::Pattern(KIND, 40),
        ("Event", "actor" | "object_kind") => Form::Pattern("^[a-z_]+$", 20),
        ("Event", "actor_user" | "actor_token" | "object")
        | ("Import", "tokens")
        | (
            _,
            "id" | "user_id" | "sub" | "jti" | "client_id" | "parent" | "replaces" | "superseded_by"
            | "token_id" | "successor",
        ) => Form::Pattern(UUID, 36),
        (_, "number") => Form::Pattern("^[A-Z]{3}-[0-9]{4}-[0-9]{4}$", 13),
        (_, "name") => Form::Pattern(NAME, text::NAME),
        (_, "description") => Form::Pattern(LINES, text::DESCRIPTION),
        (_, "icon" | "image") => Form::Pattern(LINE, text::ICON),
        (_, "first_name" | "last_name" | "title") => Form::Pattern(LINE, text::PERSONAL),
        (_, "email") => Form::Pattern(r"^([^@\s\x00-\x1f\x7f-\x9f]+@[^@\s\x00-\x1f\x7f-\x9f]+)?$", 254),
        (_, "username" | "actor_username") => Form::Pattern(USERNAME, 64),
        (_, "owner" | "user") => Form::Pattern(USER, 64),
        (_, "slug" | "aud") => Form::Pattern("^[a-z0-9][a-z0-9-]*$", 63),
        (_, "organization" | "modules" | "minted_by") => Form::Pattern(REFERENCE, 63),
        ("IntrospectionBatch", "require") => Form::Pattern(REQUIRED, 12_899),
        (_, "privilege" | "privileges" | "granted" | "never" | "to_used") => Form::Pattern(PRIVILEGE, 128),
        (_, "role") => Form::Words(&["administrator", "member"]),
        (_, "issuers") => Form::Words(&["admins", "members"]),
        (_, "credential") => Form::Words(&["token", "password", "session", "local"]),
        (_, "status") => Form::Words(&["active", "expired", "disabled", "deleted"]),
        ("RotateToken", "mode") => Form::Words(&["on_first_use", "overlap", "now"]),
        ("RotateToken", "linger") => Form::Pattern("^[0-9]{1,10}[smhdw]$", 12),
        (_, "cause") => Form::Words(&["", "idle", "leak", "undone"]),
        (_, "on_leak") => Form::Words(&["record", "disable", "delete"]),
        ("ChangePolicy", "max_idle") => Form::Pattern("^(never|[1-9][0-9]{0,9}[smhdw])$", 12),
        (_, "max_lifetime" | "default_lifetime" | "max_idle" | "window") => Form::Pattern(DURATION, 12),
        (_, "lifetime") => Form::Pattern("^(never|[1-9][0-9]{0,9}[smhdw]|[0-9]{4}-.+)$", 40),
        (_, "allow" | "deny" | "last_address") => Form::Pattern(NETWORK, 49),
        (_, "routes") => Form::Pattern(ROUTE, 512),
        (_, "rate") => Form::Pattern("^[1-9][0-9]{0,9}/(s|min|h|day)$", 14),
        (
            _,
            "at" | "since" | "before" | "not_before" | "waits_until" | "idle_until" | "recent_until"
            | "created_after" | "created_before",
        ) => Form::Instant,
        (_, name) if name.ends_with("_at") => Form::Instant,
        (_, "hint") => Form::Pattern("^jtn_[0-9A-Za-z]{22}_…$", 28),
        (_, "next_cursor") => Form::Pattern("^[0-9A-Za-z_-]+$", 1_000),
        (_, "token_type") => Form::Words(&["Bearer"]),
        (_, "token_type_hint" | "scope" | "iss" | "issuer" | "service_documentation") => Form::Any,
        (_, name) if name.ends_with("_supported") || name.ends_with("_endpoint") => Form::Any,
        _ => return None,
    })
}

/// Schemas of replies in which a member may be missing.
const LOOSE: [&str; 3] = ["Problem", "Introspection", "EventsVerdict"];

/// Gives every text in the document's schemas its form.
pub(super) fn apply(document: &mut OpenApi) {
    let schemas = document.components.get_or_insert_default().schemas.iter_mut();
    for (name, schema) in schemas {
        match schema {
            RefOr::T(Schema::Object(secret)) if name == "SecretField" => {
                shape(secret, &Form::Password(user::PASSWORD_SHORTEST, user::PASSWORD_LONGEST));
            }
            RefOr::T(schema) => members(name, schema),
            RefOr::Ref(_) => {}
        }
    }
}

fn members(name: &str, schema: &mut Schema) {
    match schema {
        Schema::Object(object) => {
            for (member, schema) in &mut object.properties {
                if let RefOr::T(schema) = schema {
                    say(name, member, schema);
                }
            }
            // What takes unknown names is a reply, and a reply has all its members, `null` or not. `total` stands
            // there when it was asked for.
            let form = name.ends_with("Form");
            if form {
                // RFC 7662 and RFC 7009: what isn't known is passed over.
                let text = ObjectBuilder::new().schema_type(Type::String).build();
                let text = AdditionalProperties::RefOr(RefOr::T(Schema::Object(text)));
                object.additional_properties = Some(Box::new(text));
            }
            if name == "LeakReport" {
                // The form is another's, who may add to it.
                object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(true)));
            }
            let request = object.additional_properties.is_some();
            if !request && !LOOSE.contains(&name) {
                let members = object.properties.keys().filter(|member| *member != "total");
                object.required = members.cloned().collect();
            }
        }
        Schema::AllOf(all) => {
            for part in &mut all.items {
                if let RefOr::T(part) = part {
                    members(name, part);
                }
            }
        }
        _ => {}
    }
}

/// Says how a member looks; a list's items look like it.
fn say(schema: &str, member: &str, found: &mut Schema) {
    match found {
        Schema::Object(object) if member == "quota" => {
            object.maximum = Some(Number::UInt(LARGEST_QUOTA as usize));
        }
        Schema::Object(object) if member == "uses" => {
            object.minimum = Some(Number::UInt(1));
            object.maximum = usize::try_from(limits::MOST_USES).ok().map(Number::UInt);
        }
        Schema::Object(object) if is_text(&object.schema_type) => {
            if let Some(form) = form(schema, member) {
                shape(object, &form);
            }
        }
        Schema::Array(array) => {
            let request = ["Create", "Relabel", "Rotate"].iter().any(|verb| schema.starts_with(verb));
            if request || member == "privileges" {
                array.max_items = Some(privilege::MOST);
            }
            if let ArrayItems::RefOrSchema(items) = &mut array.items
                && let RefOr::T(items) = items.as_mut()
            {
                say(schema, member, items);
            }
        }
        _ => {}
    }
}

fn is_text(kind: &SchemaType) -> bool {
    match kind {
        SchemaType::Type(Type::String) => true,
        SchemaType::Array(kinds) => kinds.contains(&Type::String),
        _ => false,
    }
}

fn shape(object: &mut Object, form: &Form) {
    match form {
        Form::Any => {}
        Form::Instant => object.format = Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)),
        Form::Pattern(pattern, most) => {
            object.pattern = Some((*pattern).to_owned());
            object.max_length = (*most < usize::MAX).then_some(*most);
        }
        Form::Password(least, most) => {
            object.format = Some(SchemaFormat::KnownFormat(KnownFormat::Password));
            (object.min_length, object.max_length) = (Some(*least), Some(*most));
        }
        Form::Words(words) => {
            let null = matches!(&object.schema_type, SchemaType::Array(kinds) if kinds.contains(&Type::Null));
            let words = words.iter().map(|word| Value::from(*word));
            object.enum_values = Some(words.chain(null.then_some(Value::Null)).collect());
        }
    }
}

/// Gives the parameters of an operation their forms.
pub(super) fn parameters(operation: &mut Operation) {
    // A table of events may be longer than any page.
    let most = if operation.tags.iter().flatten().any(|tag| tag == "events") { TABLE } else { PAGE };
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(parameter) = parameter else { continue };
        let Some(RefOr::T(Schema::Object(object))) = &mut parameter.schema else { continue };
        if parameter.required != Required::True {
            // It may be absent; `null` would be a text of four letters.
            object.schema_type = match &object.schema_type {
                SchemaType::Array(kinds) => kinds
                    .iter()
                    .find(|kind| **kind != Type::Null)
                    .map_or(SchemaType::AnyValue, |kind| SchemaType::Type(kind.clone())),
                other => other.clone(),
            };
        }
        match parameter.name.as_str() {
            "limit" => {
                object.minimum = Some(Number::UInt(1));
                object.maximum.get_or_insert(Number::UInt(most.most as usize));
            }
            "days" => {
                object.minimum = Some(Number::UInt(1));
                object.maximum = Some(Number::UInt(MOST_DAYS.into()));
            }
            name => {
                if let Some(form) = parameter_form(name) {
                    shape(object, &form);
                }
            }
        }
    }
}

/// The form of what stands in a path, a query or a header.
fn parameter_form(name: &str) -> Option<Form> {
    Some(match name {
        "path" => Form::Pattern(PATH, usize::MAX),
        "Idempotency-Key" => {
            Form::Pattern(r#"^("[A-Za-z0-9_.:~+/=-]{22,255}"|[A-Za-z0-9_.:~+/=-]{22,255})$"#, 257)
        }
        "If-Match" => Form::Pattern(r#"^("[0-9]+(-[A-Za-z0-9_-]{22})?"|\*)$"#, 35),
        // What is no tag of ours is none that anything has.
        "If-None-Match" => Form::Any,
        "id" | "module" | "object" => Form::Pattern(REFERENCE, 63),
        "token" => Form::Pattern(
            "^(TKN-[0-9]{4}-[0-9]{4}|[0-9a-f]{24}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$",
            36,
        ),
        "actor" => Form::Pattern(USER, 64),
        "kind" => Form::Pattern(KIND, usize::MAX),
        "sort" => Form::Pattern("^-?[a-z_]+$", 20),
        "key" => Form::Pattern("^jtf_[0-9A-Za-z]{43}$", 47),
        "cursor" => Form::Pattern("^[0-9A-Za-z_-]+$", 1_000),
        "minted_by" => Form::Pattern("^[0-9A-Za-z-]+$", 40),
        "span" => Form::Words(&["2d", "30d"]),
        "format" => Form::Words(&["json", "csv"]),
        "expires_before" | "unused_since" | "created_after" | "created_before" | "since" | "until" => {
            Form::Instant
        }
        name => form("", name)?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::form;

    /// Every member that is text, or a list of texts, by its schema and name.
    fn texts(schema: &str, value: &Value, found: &mut Vec<(String, String)>) {
        for part in value["allOf"].as_array().into_iter().flatten() {
            texts(schema, part, found);
        }
        for (name, member) in value["properties"].as_object().into_iter().flatten() {
            for place in [member, &member["items"]] {
                let kind = &place["type"];
                if kind == "string" || kind.as_array().is_some_and(|kinds| kinds.contains(&"string".into())) {
                    found.push((schema.into(), name.clone()));
                }
            }
        }
    }

    #[test]
    fn every_text_in_the_document_has_a_form() {
        let document = super::super::document::own().to_json().unwrap();
        let document: Value = serde_json::from_str(&document).unwrap();
        let mut found = Vec::new();
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            texts(name, schema, &mut found);
        }
        assert!(found.len() > 50);
        let unsaid: Vec<_> = found.iter().filter(|(schema, name)| form(schema, name).is_none()).collect();
        assert!(unsaid.is_empty(), "{unsaid:?}");
    }
}
