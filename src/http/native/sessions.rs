//! `/v1/session`: signing in at the page and out again; `/v1/sessions`: where somebody is signed in.

use rocket::{
    Request, State, delete, get,
    outcome::Outcome,
    post,
    request::{self, FromRequest},
};

use super::wire::{SessionList, SessionObject, SessionRow, SignIn};
use crate::{
    core::{
        decision::{Account, Subject},
        id::SessionId,
        refusal::{Failure, Refusal},
        secret::SessionSecret,
        session::{LONGEST, Session},
    },
    http::{
        Site,
        body::Body,
        carrier::{COOKIE, cookie},
        guard::{Asker, From},
        origin::OwnPage,
        query::Query,
        reply::Reply,
    },
    service::Caller,
};

/// The session that a browser comes with to sign in anew.
pub(in crate::http) struct Before(Option<SessionSecret>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Before {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> request::Outcome<Self, Self::Error> {
        Outcome::Success(Self(cookie(request.headers())))
    }
}

/// The cookie, for as long as a session can last; with no value and no time, it is taken back.
fn set_cookie(value: &str, seconds: i64) -> String {
    format!("{COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={seconds}")
}

/// The session that asks; there is none behind any other credential.
fn of(caller: &Caller) -> Result<(&Session, &Account), Refusal> {
    match &caller.subject {
        Subject::Session(session, account) => Ok((session, account)),
        _ => Err(Refusal::NotFound { what: "session" }),
    }
}

/// Signs a user in at the page: the session is in a cookie that no script can read. One that the browser had before ends.
#[utoipa::path(post, path = "/v1/session", tag = "sessions", security(()), request_body = SignIn,
    params(("Jeton-Page" = String, Header, description = "`1`: what no other page's form can send; every request that comes with the cookie needs it")),
    responses((status = 201, body = SessionObject, headers(("Set-Cookie" = String, description = "The session"))),
        (status = 401), (status = 403), (status = 429)))]
#[post("/session", data = "<body>")]
pub(in crate::http) async fn create(
    site: &State<Site>,
    own_page: OwnPage,
    before: Before,
    from: From<'_>,
    body: Body,
) -> Result<Reply, Failure> {
    own_page.0?;
    let SignIn { username, password } = body.json()?;
    let (secret, session, account) =
        site.service.begin_session(&username, &password.0, before.0.as_ref(), from.0).await?;
    let manages = site.service.manages(&Subject::Session(session, account.clone()))?;
    let reply = Reply::json(201, &SessionObject::new(&session, &account, manages))?;
    Ok(reply.header("Set-Cookie", set_cookie(secret.reveal().expose(), LONGEST / 1000)))
}

/// Who is signed in.
#[utoipa::path(get, path = "/v1/session", tag = "sessions", responses(
    (status = 200, body = SessionObject), (status = 404)))]
#[get("/session")]
pub(in crate::http) fn show(site: &State<Site>, asker: Asker<'_>) -> Result<Reply, Failure> {
    let caller = asker.0?;
    let (session, account) = of(caller)?;
    let manages = site.service.manages(&caller.subject)?;
    Reply::json(200, &SessionObject::new(session, account, manages))
}

/// Signs out.
#[utoipa::path(delete, path = "/v1/session", tag = "sessions", responses(
    (status = 204, headers(("Set-Cookie" = String, description = "Takes the cookie back"))), (status = 404)))]
#[delete("/session")]
pub(in crate::http) async fn delete(site: &State<Site>, asker: Asker<'_>) -> Result<Reply, Failure> {
    let caller = asker.0?;
    let id = of(caller)?.0.id;
    site.service.end_session(caller, id).await?;
    Ok(Reply::empty(204).header("Set-Cookie", set_cookie("", 0)))
}

/// Where a user is signed in: oneself, or somebody whose account one manages.
#[utoipa::path(get, path = "/v1/sessions", tag = "sessions",
    params(("username" = Option<String>, Query, description = "a username or a user's id; absent for one's own")),
    responses((status = 200, body = SessionList), (status = 404)))]
#[get("/sessions")]
pub(in crate::http) fn list(
    site: &State<Site>,
    asker: Asker<'_>,
    query: Query<'_>,
) -> Result<Reply, Failure> {
    let caller = asker.0?;
    let parameters = query.only(&["username"])?;
    let sessions = site.service.sessions(caller, parameters.text("username"))?;
    let current = of(caller).ok().map(|(session, _)| session.id);
    let row = |begun| SessionRow::new(begun, &sessions.username, current);
    Reply::json(200, &SessionList { items: sessions.begun.into_iter().map(row).collect() })
}

/// Signs somebody out somewhere: oneself, or somebody whose account one manages.
#[utoipa::path(delete, path = "/v1/sessions/{id}", tag = "sessions", params(("id" = String, Path)), responses(
    (status = 204), (status = 404)))]
#[delete("/sessions/<id>")]
pub(in crate::http) async fn end(site: &State<Site>, asker: Asker<'_>, id: &str) -> Result<Reply, Failure> {
    let id = SessionId::parse_uuid(id).ok_or(Refusal::NotFound { what: "session" })?;
    site.service.end_session(asker.0?, id).await?;
    Ok(Reply::empty(204))
}
