//! A token ended with all that it has minted, over a real store.

use std::sync::Arc;

use super::Revoke;
use crate::{
    core::{
        decision::{Demand, Subject},
        event::{Actor, Origin},
        id::TokenId,
        refusal::{Failure, Refusal},
        rotation::Mode,
    },
    service::{
        Caller, Service,
        issue::{IssueRequest, Issued},
        tests::stage::{Stage, request, wish},
    },
    store::{Family, Held},
};

fn holder(service: &Service, token: &Issued) -> Caller {
    let subject = Subject::Token(service.genuine(&token.secret).unwrap());
    Caller { subject, demand: Demand::Itself, address: None, first_use: None }
}

async fn child(stage: &Stage, parent: &Issued) -> Issued {
    let request = IssueRequest { owner: None, ..request("child", wish()) };
    stage.service.issue(&holder(&stage.service, parent), request).await.unwrap()
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

#[tokio::test]
async fn what_was_revoked_in_the_same_commit_issues_nothing_more() {
    let stage = Stage::new().await;
    let minter = stage.token("*:*").await;
    let held = Held::new(&stage.service.store).await;
    let issue = || {
        let (service, caller) = (Arc::clone(&stage.service), holder(&stage.service, &minter));
        let request = IssueRequest { owner: None, ..request("child", wish()) };
        async move { service.issue(&caller, request).await }
    };
    let before = [held.then(issue()).await, held.then(issue()).await];
    let (below, now) = (None, stage.service.now());
    let revoke = Revoke { root: minter.view.token.id, below, at_once: 1, origin: origin(), now };
    let store = Arc::clone(&stage.service.store);
    let revoked = held.then(async move { store.write(revoke).await }).await;
    let after = held.then(issue()).await;
    held.release();
    for issued in before {
        issued.await.unwrap().unwrap();
    }
    revoked.await.unwrap().unwrap();
    let refused = after.await.unwrap().unwrap_err();
    assert!(matches!(refused, Failure::Refused(Refusal::TokenDead(_))), "{refused:?}");
    assert_eq!(stage.number(LIVE), 2);
}
