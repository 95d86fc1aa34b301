//! Many clients at once, while what they hold is taken out of use.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use serde_json::Value;

use super::{HOST, Kind, Site, api_access};
use crate::harness::{campaign, token};

const CLIENTS: usize = 6;

/// How often a request that began after `stop` had returned was let through, of at least `after` requests by each of
/// several clients that had been hammering before.
fn let_through(site: &Site, token: &str, after: usize, stop: impl FnOnce()) -> usize {
    let stopped = AtomicBool::new(false);
    let (before, wrongly) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = site.client();
                let mut left = after;
                while left > 0 {
                    let late = stopped.load(Ordering::SeqCst);
                    let status = client.get("/v1/reports/1").header("Host", HOST).bearer(token).send().status;
                    assert!(matches!(status, 200 | 401 | 403), "{status}");
                    if late {
                        left -= 1;
                        wrongly.fetch_add(usize::from(status == 200), Ordering::SeqCst);
                    } else {
                        before.fetch_add(usize::from(status == 200), Ordering::SeqCst);
                    }
                }
            });
        }
        crate::harness::wait_for("clients to be let through", std::time::Duration::from_secs(20), || {
            (before.load(Ordering::SeqCst) > CLIENTS * 5).then_some(())
        });
        stop();
        stopped.store(true, Ordering::SeqCst);
    });
    site.application.take();
    wrongly.into_inner()
}

pub fn what_is_stopped_is_stopped_for_the_next_request(kind: Kind) {
    let site = Site::new(kind);
    let after = campaign(20, 500);
    let first = site.token(&[]);
    assert_eq!(
        let_through(&site, &first, after, || ()),
        after * CLIENTS,
        "nothing stopped it, and it would show"
    );

    let id = |token: &str| token::Wire::read(token).uuid();
    let path = format!("/v1/tokens/{}", id(&first));
    let disable = || drop(site.server.locally("POST", &format!("{path}/disable"), &Value::Null).expect(200));
    assert_eq!(let_through(&site, &first, after, disable), 0, "disabled");
    site.server.locally("POST", &format!("{path}/enable"), &Value::Null).expect(200);

    assert_eq!(let_through(&site, &first, after, || api_access(&site.server, false)), 0, "by policy");
    api_access(&site.server, true);

    let owner = |deed: &str| {
        site.server.locally("POST", &format!("/v1/users/anna/{deed}"), &Value::Null).expect(200);
    };
    assert_eq!(let_through(&site, &first, after, || owner("disable")), 0, "its owner disabled");
    owner("enable");

    let revoke = || drop(site.server.locally("DELETE", &path, &Value::Null).expect(204));
    assert_eq!(let_through(&site, &first, after, revoke), 0, "revoked");
}
