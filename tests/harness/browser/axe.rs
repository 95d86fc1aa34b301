//! axe-core's rules, held against what the browser shows.

use std::fs;

use serde_json::Value;

use super::Browser;
use crate::harness::npm::{self, Package};

/// Published under MPL-2.0: fetched, run and never shipped.
const AXE: Package = Package {
    name: "axe-core",
    version: "4.14.1",
    sha512: "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
};

/// Its run; `preload` would have the page fetch its stylesheets once more.
const RUN: &str = "const done = arguments[0];
    axe.run(document, { preload: false, resultTypes: ['violations'] })
        .then((found) => done(found.violations), (error) => done(String(error)));";

impl Browser {
    /// Asserts that nothing serious or critical is wrong with what is shown, in light and in dark; what is less is printed.
    #[track_caller]
    pub fn accessible(&self, view: &str) {
        let found = self.violations(view);
        assert!(found.is_empty(), "{view} isn't accessible:\n{}", found.join("\n"));
    }

    /// What is seriously or critically wrong with what is shown, in light and in dark.
    pub fn violations(&self, view: &str) -> Vec<String> {
        let before = self.scheme();
        let mut serious = Vec::new();
        for scheme in ["light", "dark"] {
            self.prefer(scheme);
            if self.script("return typeof globalThis.axe", vec![]) == "undefined" {
                let source = fs::read_to_string(npm::file(AXE, "axe.min.js")).unwrap();
                self.script(&source, vec![]);
            }
            let found = self.script_later(RUN, vec![]);
            let found = found.as_array().unwrap_or_else(|| panic!("axe gave up on {view}: {found}"));
            for violation in found {
                let said = format!("{view} ({scheme}): {}", told(violation));
                if matches!(violation["impact"].as_str(), Some("serious" | "critical")) {
                    serious.push(said);
                } else {
                    eprintln!("axe, for what it is worth: {said}");
                }
            }
        }
        self.prefer(before);
        serious
    }
}

/// A violation in one line, with what it is about.
fn told(violation: &Value) -> String {
    let word = |name: &str| violation[name].as_str().unwrap_or_default();
    let nodes = violation["nodes"].as_array().into_iter().flatten();
    let places: Vec<String> = nodes.map(|node| node["target"].to_string()).collect();
    format!("{} {}: {} at {}", word("impact"), word("id"), word("help"), places.join(" "))
}
