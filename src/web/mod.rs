//! The only place that knows HTTP.
//!
//! [`table`] lists every address, top to bottom, and says who may use it. A handler extracts
//! valid values, calls one flow, renders one thing. Around all of them lie, from outside in:
//! [`edge`] (request id, access log, security headers, error pages, panics), the choice of the
//! session cookie, actix-session, and [`visitor`] (who is asking).

mod address;
mod admin;
mod api;
pub mod assets;
mod callback;
mod conflict;
mod cookies;
mod cors;
mod dead_link;
pub mod device;
mod docs;
mod edge;
mod error;
mod forgot;
mod forms;
mod forward_auth;
mod headers;
mod health;
mod help;
mod home;
mod join;
mod kakao;
mod kakao_consents;
mod limit;
mod login;
mod logout;
mod me;
mod newcomer;
mod page;
mod password;
mod preferences;
mod reading;
mod reauth;
mod reset;
mod sessions;
mod silent;
mod site;
mod visitor;
mod webhooks;

use actix_web::guard;
use actix_web::http::Method;
use actix_web::{Handler, Responder, Route, web};

pub use api::document::Document;
pub use edge::edge;
pub use error::{ErrorId, Problem};
pub use limit::Limit;
pub use site::Site;
pub use visitor::meet;

use crate::api_key::Scope;
use crate::flow::WAY_BACK;
use crate::member::Role;

/// Who may use an address. Whoever asks is held to it by what the handler extracts; a test
/// holds the handlers to this table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Anybody.
    Anyone,
    /// Somebody signed in; others are led to the login page and back.
    Member,
    /// Somebody with at least this role in the administration. To others of the administration
    /// the address is forbidden, to everybody else it does not exist.
    Staff(Role),
    /// A program of somebody with at least this role, or a server whose API key has this scope.
    Program(Role, Scope),
}

/// One address and what can be done there.
pub struct Address {
    /// The path pattern.
    pub path: &'static str,
    /// Who may use it.
    pub who: Who,
    /// Answers GET (and HEAD, unless getting has an effect). Changes nothing of the member's.
    get: Option<fn() -> Route>,
    /// Answers POST: needs a form token and a same-site request, by `forms::Post`; a webhook, which
    /// has no session to act in, needs proof that it is Kakao.
    post: Option<fn() -> Route>,
    /// Answers PATCH: for programs, which show an access token.
    patch: Option<fn() -> Route>,
    /// Answers DELETE: for programs too.
    delete: Option<fn() -> Route>,
    /// Answers HEAD like GET. Not where GET begins or completes something.
    head: bool,
}

impl Address {
    /// The methods it answers, for `Allow`.
    #[must_use]
    pub fn allow(&self) -> String {
        let mut methods = Vec::new();
        if self.get.is_some() {
            methods.push(Method::GET.as_str());
        }
        if self.get.is_some() && self.head {
            methods.push(Method::HEAD.as_str());
        }
        if self.post.is_some() {
            methods.push(Method::POST.as_str());
        }
        if self.patch.is_some() {
            methods.push(Method::PATCH.as_str());
        }
        if self.delete.is_some() {
            methods.push(Method::DELETE.as_str());
        }
        methods.join(", ")
    }

    fn resource(&self) -> actix_web::Resource {
        let mut resource = web::resource(self.path).app_data(self.who);
        if let Some(get) = self.get {
            let methods = if self.head {
                guard::Any(guard::Get()).or(guard::Head())
            } else {
                guard::Any(guard::Get())
            };
            resource = resource.route(get().guard(methods));
        }
        if let Some(post) = self.post {
            resource = resource.route(post().guard(guard::Post()));
        }
        if let Some(patch) = self.patch {
            resource = resource.route(patch().guard(guard::Patch()));
        }
        if let Some(delete) = self.delete {
            resource = resource.route(delete().guard(guard::Delete()));
        }
        let allow = self.allow();
        resource.default_service(web::to(move || {
            let allow = allow.clone();
            async move { Err::<&'static str, _>(Problem::method(allow)) }
        }))
    }
}

/// Every page, in the order in which a person may meet it.
#[must_use]
pub fn table() -> Vec<Address> {
    vec![
        anyone("/").get(|| to(home::show)),
        anyone("/login")
            .get(|| to(login::show))
            .post(|| to(login::act)),
        anyone("/password/forgot")
            .get(|| to(forgot::show))
            .post(|| to(forgot::act)),
        anyone("/password/reset")
            .get(|| to(reset::show))
            .post(|| to(reset::act)),
        anyone("/auth/kakao").get_with_effect(|| to(kakao::begin)),
        anyone(kakao::CALLBACK).get_with_effect(|| to(callback::complete)),
        anyone("/auth/kakao/join")
            .get(|| to(newcomer::show))
            .post(|| to(newcomer::act)),
        anyone("/auth/kakao/cancelled").get(|| to(kakao::cancelled)),
        anyone(conflict::ADDRESS).get(|| to(conflict::show)),
        anyone("/auth/error").get(|| to(kakao::failed)),
        anyone("/join")
            .get(|| to(join::show))
            .post(|| to(join::act)),
        anyone("/join/sent").get(|| to(join::sent::show)),
        anyone("/join/resend").post(|| to(join::sent::again)),
        anyone("/join/verify")
            .get(|| to(join::verify::show))
            .post(|| to(join::verify::act)),
        anyone("/join/done").get(|| to(join::verify::done)),
        member("/me").get(|| to(me::show)),
        member("/me/edit")
            .get(|| to(me::edit::show))
            .post(|| to(me::edit::save)),
        member("/me/email")
            .get(|| to(me::address::show))
            .post(|| to(me::address::send)),
        member("/me/email/verify")
            .get(|| to(me::address::open))
            .post(|| to(me::address::prove)),
        member(me::kakao::LINK).get_with_effect(|| to(me::kakao::link)),
        member("/me/kakao/unlink")
            .get(|| to(me::kakao::confirm_unlink))
            .post(|| to(me::kakao::unlink)),
        member("/me/kakao/refresh").post(|| to(me::kakao::refresh)),
        member(conflict::CONNECT)
            .get(|| to(me::kakao::confirm_connect))
            .post(|| to(me::kakao::connect)),
        member("/me/consents").post(|| to(me::consent::switch)),
        member("/me/data")
            .get(|| to(me::data::show))
            .post(|| to(me::data::download)),
        member("/me/withdraw")
            .get(|| to(me::withdraw::show))
            .post(|| to(me::withdraw::leave)),
        member("/me/sessions").get(|| to(sessions::list)),
        member("/me/sessions/end-others").post(|| to(sessions::end_others)),
        member("/me/sessions/{id}/end").post(|| to(sessions::end_one)),
        member("/me/kakao/consents").get(|| to(kakao_consents::show)),
        member("/me/kakao/consents/ask").get_with_effect(|| to(kakao_consents::ask)),
        member("/me/kakao/consents/withdraw").post(|| to(kakao_consents::withdraw)),
        member("/api/v1/auth/session").post(|| to(api::auth::session)),
        member("/me/password")
            .get(|| to(password::show))
            .post(|| to(password::act)),
        member("/reauth")
            .get(|| to(reauth::show))
            .post(|| to(reauth::act)),
        member("/reauth/kakao").get_with_effect(|| to(reauth::begin)),
        staff(Role::Admin, "/admin/members/export")
            .get(|| to(admin::ask_export))
            .post(|| to(admin::export)),
        member("/logout")
            .get(|| to(logout::choose))
            .post(|| to(logout::act)),
        anyone("/logged-out").get(|| to(logout::done)),
        anyone("/goodbye").get(|| to(me::withdraw::goodbye)),
        anyone("/logged-out/kakao").get(|| to(logout::lead_to_kakao)),
        anyone("/logged-out/kakao/done").get(|| to(logout::back_from_kakao)),
        staff(Role::Viewer, "/admin/members")
            .get(|| to(admin::list))
            .post(|| to(admin::search)),
        staff(Role::Viewer, "/admin/members/views").post(|| to(admin::keep_view)),
        staff(Role::Viewer, "/admin/members/views/{id}/delete").post(|| to(admin::forget_view)),
        staff(Role::Viewer, "/admin/members/columns")
            .get(|| to(admin::settings))
            .post(|| to(admin::columns)),
        staff(Role::Viewer, "/admin/members/shortcuts").post(|| to(admin::shortcuts)),
        staff(Role::Admin, "/admin/members/bulk").post(|| to(admin::confirm_bulk)),
        staff(Role::Admin, "/admin/members/bulk/apply").post(|| to(admin::apply_bulk)),
        staff(Role::Viewer, "/admin/members/{id}").get(|| to(admin::member)),
        staff(Role::Admin, "/admin/members/{id}/suspend")
            .get(|| to(admin::ask_suspend))
            .post(|| to(admin::suspend)),
        staff(Role::Admin, "/admin/members/{id}/restore")
            .get(|| to(admin::ask_restore))
            .post(|| to(admin::restore)),
        staff(Role::Admin, "/admin/members/{id}/kick")
            .get(|| to(admin::ask_kick))
            .post(|| to(admin::kick)),
        staff(Role::Owner, "/admin/members/{id}/role")
            .get(|| to(admin::ask_role))
            .post(|| to(admin::role)),
        staff(Role::Admin, "/admin/members/{id}/reveal")
            .get(|| to(admin::ask_reveal))
            .post(|| to(admin::reveal)),
        staff(Role::Viewer, "/admin").get(|| to(admin::dashboard)),
        staff(Role::Viewer, "/admin/outbox").get(|| to(admin::outbox)),
        staff(Role::Admin, "/admin/outbox/{id}/retry").post(|| to(admin::retry_owed)),
        staff(Role::Viewer, "/admin/api-keys").get(|| to(admin::keys)),
        staff(Role::Owner, "/admin/api-keys/new")
            .get(|| to(admin::ask_key))
            .post(|| to(admin::make_key)),
        staff(Role::Admin, "/admin/api-keys/{id}/revoke")
            .get(|| to(admin::ask_revoke_key))
            .post(|| to(admin::revoke_key)),
        staff(Role::Viewer, "/admin/audit").get(|| to(admin::audit)),
        staff(Role::Owner, "/admin/audit/export").post(|| to(admin::export_audit)),
        anyone(forward_auth::ADDRESS).get(|| to(forward_auth::ask)),
        member(WAY_BACK).get(|| to(forward_auth::go_back)),
        anyone("/language").post(|| to(preferences::language)),
        anyone("/theme").post(|| to(preferences::theme)),
        anyone("/terms").get(|| to(reading::terms)),
        anyone("/privacy").get(|| to(reading::privacy)),
        anyone("/help").get(|| to(reading::help)),
        anyone("/help/kakao").get(|| to(help::kakao)),
        anyone("/docs/api").get(|| to(docs::overview)),
        anyone("/docs/api/{id}").get(|| to(docs::operation)),
    ]
}

/// The addresses that must answer without a session: for machines, and for browsers fetching
/// what a page is made of.
#[must_use]
pub fn bare_table() -> Vec<Address> {
    vec![
        anyone("/health/live").get(|| to(health::live)),
        anyone("/health/ready").get(|| to(health::ready)),
        anyone("/webhooks/kakao/unlink")
            .get_with_effect(|| to(webhooks::unlink_by_get))
            .post(|| to(webhooks::unlink_by_post)),
        anyone("/webhooks/kakao/account").post(|| to(webhooks::account)),
        anyone("/api/v1/auth/kakao").post(|| to(api::auth::kakao)),
        anyone("/api/v1/auth/refresh").post(|| to(api::auth::refresh)),
        anyone("/api/v1/auth/logout").post(|| to(api::auth::logout)),
        anyone("/api/v1/me")
            .get(|| to(api::me::show))
            .patch(|| to(api::me::change))
            .delete(|| to(api::me::leave)),
        anyone("/api/v1/auth/introspect").post(|| to(api::introspect::introspect)),
        program(Role::Viewer, Scope::ReadMembers, "/api/v1/members").get(|| to(api::members::list)),
        program(Role::Viewer, Scope::ReadMembers, "/api/v1/members/lookup")
            .post(|| to(api::members::look_up)),
        program(Role::Viewer, Scope::ReadMembers, "/api/v1/members/{id}")
            .get(|| to(api::members::show)),
        program(
            Role::Admin,
            Scope::ManageMembers,
            "/api/v1/members/{id}/suspend",
        )
        .post(|| to(api::members::suspend)),
        program(
            Role::Admin,
            Scope::ManageMembers,
            "/api/v1/members/{id}/restore",
        )
        .post(|| to(api::members::restore)),
        program(
            Role::Admin,
            Scope::ManageMembers,
            "/api/v1/members/{id}/logout",
        )
        .post(|| to(api::members::log_out)),
        program(
            Role::Admin,
            Scope::ManageMembers,
            "/api/v1/members/{id}/role",
        )
        .post(|| to(api::members::role)),
        anyone("/.well-known/jwks.json").get(|| to(api::well_known::keys)),
        anyone("/.well-known/oauth-authorization-server").get(|| to(api::well_known::metadata)),
        anyone(api::document::ADDRESS).get(|| to(api::document::document)),
    ]
}

/// Registers addresses.
pub fn register(table: &[Address], config: &mut web::ServiceConfig) {
    for address in table {
        config.service(address.resource());
    }
}

/// Answers what no address matches.
///
/// # Errors
/// Always: there is nothing here.
pub async fn nothing_here() -> Result<&'static str, Problem> {
    Err(Problem::from(ErrorId::NotFound))
}

fn anyone(path: &'static str) -> Address {
    Address {
        path,
        who: Who::Anyone,
        get: None,
        post: None,
        patch: None,
        delete: None,
        head: true,
    }
}

fn member(path: &'static str) -> Address {
    Address {
        who: Who::Member,
        ..anyone(path)
    }
}

/// For members with at least this role; their handlers take a [`visitor::Staff`].
fn staff(role: Role, path: &'static str) -> Address {
    Address {
        who: Who::Staff(role),
        ..anyone(path)
    }
}

/// For programs; their handlers take a [`api::Caller`].
fn program(role: Role, scope: Scope, path: &'static str) -> Address {
    Address {
        who: Who::Program(role, scope),
        ..anyone(path)
    }
}

fn to<F, Args>(handler: F) -> Route
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::route().to(handler)
}

impl Address {
    fn get(self, get: fn() -> Route) -> Self {
        Self {
            get: Some(get),
            ..self
        }
    }

    /// As [`Address::get`], for an address where asking is doing: HEAD, which link scanners
    /// and previews send, must not do it.
    fn get_with_effect(self, get: fn() -> Route) -> Self {
        Self {
            get: Some(get),
            head: false,
            ..self
        }
    }

    fn post(self, post: fn() -> Route) -> Self {
        Self {
            post: Some(post),
            ..self
        }
    }

    fn patch(self, patch: fn() -> Route) -> Self {
        Self {
            patch: Some(patch),
            ..self
        }
    }

    fn delete(self, delete: fn() -> Route) -> Self {
        Self {
            delete: Some(delete),
            ..self
        }
    }
}
