//! A token ended with all that it has minted, over a real store.

use std::sync::Arc;

use super::Revoke;
use crate::{
    core::{
        decision::{Demand, Subject},
        event::{Actor, Origin},
        id::TokenId,
        rotation::Mode,
    },
    service::{
        Caller,
        issue::{IssueRequest, Issued},
        tests::stage::{Stage, request, wish},
    },
    store::Family,
};

async fn child(stage: &Stage, parent: &Issued) -> Issued {
    let standing = stage.service.genuine(&parent.secret).unwrap();
    let caller = Caller {
        subject: Subject::Token(Arc::clone(&standing)),
        demand: Demand::Itself,
        address: None,
        first_use: None,
    };
    let request = IssueRequest { owner: None, ..request("child", wish()) };
    stage.service.issue(&caller, request).await.unwrap()
}

/// A token that has minted three, of which the first was rotated twice and minted one each time.
async fn family(stage: &Stage) -> TokenId {
    let root = stage.token("*:*").await;
    let mut line = child(stage, &root).await;
    for _ in 0..2 {
        child(stage, &root).await;
        line = stage.rotate(line.view.token.id, Mode::Now).await;
        child(stage, &line).await;
    }
    root.view.token.id
}

const LIVE: &str = "SELECT count(*) FROM tokens WHERE status <> 'deleted'";

fn origin() -> Origin {
    Origin { actor: Actor::Local, address: None }
}

#[tokio::test]
async fn a_large_family_does_not_keep_the_writer_to_itself() {
    let stage = Stage::new().await;
    let root = family(&stage).await;
    let other = stage.token("*:*").await;
    assert_eq!(stage.number(LIVE), 9);
    let (below, now) = (Some(Family::of(root)), stage.service.now());
    let mut left = Some(Revoke { root, below, at_once: 2, origin: origin(), now });
    let (mut writes, mut live) = (0, 9);
    while let Some(revoke) = left {
        left = stage.service.store.write(revoke).await.unwrap();
        writes += 1;
        let before = std::mem::replace(&mut live, stage.number(LIVE));
        assert!(before - live <= 2 + i64::from(writes == 1), "{before} {live}");
        let status = stage.service.store.read(|rows| rows.token(root)).unwrap().unwrap().status;
        assert_eq!(status.as_str(), "deleted", "the first write ends what was presented");
    }
    assert!(writes > 3, "{writes}");
    assert_eq!(live, 1);
    assert!(stage.present(&other, ("", ""), "").await);
}

#[tokio::test]
async fn a_family_ends_though_whoever_asked_hangs_up() {
    let stage = Stage::new().await;
    let root = family(&stage).await;
    let (below, now) = (Some(Family::of(root)), stage.service.now());
    let revoke = Revoke { root, below, at_once: 1, origin: origin(), now };
    let mut asked = Box::pin(stage.service.revoke_to_the_end(revoke));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(asked.as_mut().poll(&mut context).is_pending());
    drop(asked);
    for _ in 0..1_000 {
        if stage.number(LIVE) == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("{} are left", stage.number(LIVE));
}
