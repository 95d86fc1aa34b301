//! The keyboard alone: keys as they are struck, and what has the focus.

use serde_json::{Value, json};

use super::Browser;

/// The Tab key.
pub const TAB: &str = "\u{e004}";
/// The Enter key.
pub const ENTER: &str = "\u{e007}";
/// The space bar.
pub const SPACE: &str = " ";

/// How often Tab may be struck before what is looked for isn't there.
const FAR: usize = 400;

/// What has the focus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Focus {
    /// Its role, as a screen reader is told.
    pub role: String,
    /// Its name, as a screen reader reads it out.
    pub name: String,
}

impl Browser {
    /// Strikes these keys one after the other, wherever the focus is.
    #[track_caller]
    pub fn keys(&self, keys: &str) {
        let struck = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|way| json!({ "type": way, "value": key.to_string() })));
        let actions = json!([{ "type": "key", "id": "keyboard", "actions": struck.collect::<Vec<_>>() }]);
        let done = self.driver.vendor("actions", Some(json!({ "actions": actions })));
        done.unwrap_or_else(|error| panic!("keys {keys:?}: {error}"));
    }

    /// What has the focus.
    #[track_caller]
    pub fn active(&self) -> Focus {
        let found = self.driver.vendor("element/active", None).unwrap_or_else(|error| panic!("{error}"));
        let id = found
            .as_object()
            .and_then(|object| object.values().next()?.as_str())
            .expect("an element")
            .to_owned();
        let ask = |what: &str| {
            let answer = self.driver.vendor(&format!("element/{id}/{what}"), None);
            answer.ok().as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        Focus { role: ask("computedrole"), name: ask("computedlabel") }
    }

    /// Strikes Tab until what is called so has the focus.
    #[track_caller]
    pub fn tab_to(&self, name: &str) -> Focus {
        let mut passed = Vec::new();
        for _ in 0..FAR {
            let focus = self.active();
            if focus.name == name {
                return focus;
            }
            // Round once, and it wasn't there.
            let here = (focus.role, focus.name);
            let round = passed.first() == Some(&here)
                && passed.len() > 1
                && passed.iter().filter(|one| **one == here).count() > 2;
            assert!(!round, "Tab doesn't reach {name:?}, but {passed:?}");
            passed.push(here);
            self.keys(TAB);
        }
        panic!("Tab doesn't reach {name:?}, but {passed:?}");
    }
}
