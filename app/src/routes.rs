//! Which page is at which address. Pages are rendered whole before they are sent, so they work without JavaScript
//! and their status is right.

use leptos::prelude::*;
use leptos_meta::provide_meta_context;
use leptos_router::components::{ParentRoute, Route, Router, Routes};
use leptos_router::{SsrMode, path};

use crate::account::AccountPage;
use crate::account_members::AccountMembersPage;
use crate::accounts::AccountsPage;
use crate::app_check::AppCheckPage;
use crate::app_users::{AppUserPage, AppUsersPage};
use crate::apps::{AppPage, AppsPage};
use crate::billing::BillingPage;
use crate::bodies::{BodiesPage, BodyRulePage};
use crate::error::PageError;
use crate::invitations::InvitationPage;
use crate::ip_rules::{AppAddressesPage, ProxyAddressesPage};
use crate::issuers::NewIssuerPage;
use crate::keys::KeysPage;
use crate::landing::LandingPage;
use crate::layout::{PublicLayout, SignedInLayout};
use crate::limits::{AppLimitsPage, ProxyLimitsPage};
use crate::members::{
    CheckYourMailPage, DevMailPage, ForgotPasswordPage, ResetPasswordPage, SignInPage, SignUpPage, VerifyPage,
};
use crate::plans::{PlanAccessPage, PlanPage, PlanRulePage, PlansPage};
use crate::prices::PricesPage;
use crate::proxies::{NewProxyPage, ProxyPage, ProxySettingsPage};
use crate::purchases::{PurchasesPage, SellerPage};
use crate::ui::page::ErrorPage;
use crate::usage::UsagePage;

#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Router>
            <Routes fallback=NoSuchPage>
                <ParentRoute path=path!("") view=PublicLayout ssr=SsrMode::Async>
                    <Route path=path!("/") view=LandingPage ssr=SsrMode::Async/>
                    <Route path=path!("/sign-up") view=SignUpPage ssr=SsrMode::Async/>
                    <Route path=path!("/sign-in") view=SignInPage ssr=SsrMode::Async/>
                    <Route path=path!("/verify") view=VerifyPage ssr=SsrMode::Async/>
                    <Route path=path!("/forgot-password") view=ForgotPasswordPage ssr=SsrMode::Async/>
                    <Route path=path!("/reset-password") view=ResetPasswordPage ssr=SsrMode::Async/>
                    <Route path=path!("/check-your-mail") view=CheckYourMailPage ssr=SsrMode::Async/>
                    <Route path=path!("/invitation") view=InvitationPage ssr=SsrMode::Async/>
                    <Route path=path!("/dev/mail") view=DevMailPage ssr=SsrMode::Async/>
                </ParentRoute>
                <ParentRoute path=path!("") view=SignedInLayout ssr=SsrMode::Async>
                    <Route path=path!("/apps") view=AppsPage ssr=SsrMode::Async/>
                    <Route path=path!("/apps/:id") view=AppPage ssr=SsrMode::Async/>
                    <Route path=path!("/apps/:id/issuers/new") view=NewIssuerPage ssr=SsrMode::Async/>
                    <Route path=path!("/apps/:id/proxies/new") view=NewProxyPage ssr=SsrMode::Async/>
                    <Route path=path!("/apps/:id/limits") view=AppLimitsPage ssr=SsrMode::Async/>
                    <Route path=path!("/apps/:id/plans") view=PlansPage ssr=SsrMode::Async/>
                    <Route path=path!("/apps/:id/plans/rule") view=PlanRulePage ssr=SsrMode::Async/>
                    <Route path=path!("/apps/:id/plans/:plan") view=PlanPage ssr=SsrMode::Async/>
                    <Route path=path!("/apps/:id/plans/:plan/proxies/:proxy") view=PlanAccessPage ssr=SsrMode::Async/>
                    <Route path=path!("/apps/:id/purchases") view=PurchasesPage ssr=SsrMode::Async/>
                    <Route path=path!("/apps/:id/purchases/:source") view=SellerPage ssr=SsrMode::Async/>
                    <Route path=path!("/apps/:id/users") view=AppUsersPage ssr=SsrMode::Async/>
                    <Route path=path!("/apps/:id/users/user") view=AppUserPage ssr=SsrMode::Async/>
                    <Route path=path!("/apps/:id/app-check") view=AppCheckPage ssr=SsrMode::Async/>
                    <Route path=path!("/apps/:id/addresses") view=AppAddressesPage ssr=SsrMode::Async/>
                    <Route path=path!("/apps/:id/prices") view=PricesPage ssr=SsrMode::Async/>
                    <Route path=path!("/proxies/:id") view=ProxyPage ssr=SsrMode::Async/>
                    <Route path=path!("/proxies/:id/limits") view=ProxyLimitsPage ssr=SsrMode::Async/>
                    <Route path=path!("/proxies/:id/bodies") view=BodiesPage ssr=SsrMode::Async/>
                    <Route path=path!("/proxies/:id/bodies/rule") view=BodyRulePage ssr=SsrMode::Async/>
                    <Route path=path!("/proxies/:id/keys") view=KeysPage ssr=SsrMode::Async/>
                    <Route path=path!("/proxies/:id/addresses") view=ProxyAddressesPage ssr=SsrMode::Async/>
                    <Route path=path!("/proxies/:id/settings") view=ProxySettingsPage ssr=SsrMode::Async/>
                    <Route path=path!("/proxies/:id/usage") view=UsagePage ssr=SsrMode::Async/>
                    <Route path=path!("/account") view=AccountPage ssr=SsrMode::Async/>
                    <Route path=path!("/account/members") view=AccountMembersPage ssr=SsrMode::Async/>
                    <Route path=path!("/accounts") view=AccountsPage ssr=SsrMode::Async/>
                    <Route path=path!("/account/billing") view=BillingPage ssr=SsrMode::Async/>
                </ParentRoute>
            </Routes>
        </Router>
    }
}

#[component]
fn NoSuchPage() -> impl IntoView {
    view! { <main id="content" class="page page-narrow"><ErrorPage error=PageError::NotFound/></main> }.into_any()
}
