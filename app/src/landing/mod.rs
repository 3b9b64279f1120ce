//! What a visitor reads first.

use leptos::prelude::*;
use leptos_meta::{Meta, Title};

use crate::ui::icon::{Icon, IconName};

const BEFORE: &str = "baseURL: \"https://api.openai.com/v1\"\napiKey:  \"sk-proj-…\"  // in every copy of your app";
const AFTER: &str = "baseURL: \"https://edge.example.com/k3x…/v1\"\napiKey:  user.idToken   // changes by the hour";

#[component]
pub fn LandingPage() -> impl IntoView {
    view! {
        <Title text="Keyward: call AI APIs from your app without shipping the key"/>
        <Meta name="description" content="Keep your OpenAI, Anthropic and Gemini keys out of your mobile and web apps. Change two settings in the SDK you already use; no backend needed."/>
        <Hero/>
        <Points/>
        <Steps/>
        <section class="closing">
            <h2 class="closing-title">"Take the key out of your app today"</h2>
            <a class="btn btn-primary btn-lg" href="/sign-up">"Create an account"</a>
        </section>
    }
    .into_any()
}

#[component]
fn Hero() -> impl IntoView {
    view! {
        <section class="hero-grid">
            <div>
                <h1 class="hero-title">"Call AI APIs from your app without shipping the key"</h1>
                <p class="hero-text">
                    "Keyward holds your OpenAI, Anthropic, Gemini or other API keys. Your mobile or web app keeps its stock SDK: "
                    "change the base URL, and send the signed-in user’s token where the key went. No backend to write."
                </p>
                <div class="hero-actions">
                    <a class="btn btn-primary btn-lg" href="/sign-up">"Sign up"</a>
                    <a class="btn btn-lg" href="/sign-in">"Sign in"</a>
                </div>
            </div>
            <div class="swap">
                <figure class="swap-card">
                    <figcaption class="swap-label">"Before"</figcaption>
                    <pre tabindex="0" role="region" aria-label="Settings before"><code>{BEFORE}</code></pre>
                </figure>
                <figure class="swap-card swap-after">
                    <figcaption class="swap-label">"With Keyward"</figcaption>
                    <pre tabindex="0" role="region" aria-label="Settings with Keyward"><code>{AFTER}</code></pre>
                </figure>
            </div>
        </section>
    }
    .into_any()
}

#[component]
fn Points() -> impl IntoView {
    let points = [
        (
            IconName::Lock,
            "The key never leaves",
            "It is sealed the moment you paste it, is shown to nobody again, and is added to a request only on its way to the provider.",
        ),
        (
            IconName::Shield,
            "Only your users",
            "Every call is checked against the identity provider your app already uses: Firebase, Supabase, Clerk, Auth0, Cognito or any OpenID Connect issuer.",
        ),
        (
            IconName::Key,
            "Only what you allow",
            "Calls pass if their endpoint is on your list, and one user’s files, threads and responses are out of reach for another.",
        ),
        (
            IconName::Gauge,
            "Limits and figures",
            "Cap requests for each user, and see requests, tokens and cost by the hour, with streaming passed on as it comes.",
        ),
    ];
    let cards = points
        .into_iter()
        .map(|(icon, title, text)| {
            view! {
                <li class="point">
                    <span class="point-icon"><Icon name=icon/></span>
                    <h3 class="point-title">{title}</h3>
                    <p class="point-text">{text}</p>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="landing-section" aria-labelledby="why">
            <h2 id="why" class="landing-title">"What stands between your key and the world"</h2>
            <ul class="point-grid">{cards}</ul>
        </section>
    }
    .into_any()
}

#[component]
fn Steps() -> impl IntoView {
    let steps = [
        (
            "Link your identity provider",
            "A project id is enough for Firebase and Supabase. Paste a token to see that it passes.",
        ),
        ("Add a proxy", "Choose a provider and paste its key. The endpoints its SDK needs are allowed from the start."),
        ("Change two settings", "Copy the snippet for Flutter, Swift, Kotlin, React Native, JavaScript or curl."),
    ];
    let items = steps
        .into_iter()
        .enumerate()
        .map(|(index, (title, text))| {
            view! {
                <li class="way-step">
                    <span class="way-number" aria-hidden="true">{index + 1}</span>
                    <div>
                        <h3 class="point-title">{title}</h3>
                        <p class="point-text">{text}</p>
                    </div>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="landing-section" aria-labelledby="how">
            <h2 id="how" class="landing-title">"Three steps, a few minutes"</h2>
            <ol class="way">{items}</ol>
        </section>
    }
    .into_any()
}
