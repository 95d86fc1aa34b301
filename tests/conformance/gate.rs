//! The gate's part of the tour: every answer that it documents but those of a jeton in trouble.

use super::tour::{As, Call, Tour};

impl Tour {
    /// Both of its operations, let through and refused.
    pub fn gate(&mut self) {
        let good = self.restricted.clone();
        let operator = self.operator().clone();
        let few = self.server.token_with(&operator, &["--rate", "2/h"]);
        let nothing = self.server.token_with(&operator, &["--no-privileges"]);
        for (operation, fill) in
            [("GET /gate", "?require=orders:read"), ("GET /gate/policy/{policy}", "orders")]
        {
            let mut ask = |fill: &str, by: As<'_>, headers: &[(&str, &str)], status: u16| {
                self.call(&Call { operation, fill: &[fill], body: None, headers, by }).expect(status);
            };
            ask(fill, As::Token(&good), &[], 200);
            ask(fill, As::Token(&few), &[], 200);
            ask(fill, As::Nobody, &[], 401);
            ask(fill, As::Operator, &[], 401);
            ask(fill, As::Token(&nothing), &[], 403);
            ask(fill, As::Token(&good), &[("x-api-key", &good)], 400);
        }
        let mut ask = |operation: &str, fill: &str, status: u16| {
            let by = As::Token(&few);
            self.call(&Call { operation, fill: &[fill], body: None, headers: &[], by }).expect(status);
        };
        ask("GET /gate", "", 429);
        ask("GET /gate/policy/{policy}", "orders/v1", 429);
        ask("GET /gate", "?token=x", 400);
        ask("GET /gate/policy/{policy}", "nowhere", 400);
    }
}
