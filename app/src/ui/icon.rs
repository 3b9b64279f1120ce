//! Line icons, drawn here so that nothing is fetched. Decoration only: the text beside one says what it means.

use leptos::prelude::*;

#[derive(Clone, Copy)]
pub enum IconName {
    Moon,
    Sun,
    Check,
    Cross,
    Arrow,
    Key,
    Shield,
    Gauge,
    Lock,
    Plus,
    Chevron,
    Up,
    Down,
}

impl IconName {
    fn path(self) -> &'static str {
        match self {
            Self::Moon => "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z",
            Self::Sun => {
                "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM12 2v2M12 20v2M4.9 4.9l1.4 1.4M17.7 17.7l1.4 1.4M2 12h2M20 12h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4"
            }
            Self::Check => "M5 12.5l4.5 4.5L19 7.5",
            Self::Cross => "M6 6l12 12M18 6L6 18",
            Self::Arrow => "M5 12h14M13 6l6 6-6 6",
            Self::Key => "M14.5 4a5.5 5.5 0 1 1-4.9 8L4 17.6V20h3v-2h2v-2h2l.9-.9M16 8.5h.01",
            Self::Shield => {
                "M12 3l7.5 3v5.5c0 4.6-3.1 8-7.5 9.5-4.4-1.5-7.5-4.9-7.5-9.5V6L12 3ZM8.8 12l2.2 2.2 4.2-4.4"
            }
            Self::Gauge => "M4 18a9 9 0 1 1 16 0M12 14l4-5M12 14h.01",
            Self::Lock => "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
            Self::Plus => "M12 5v14M5 12h14",
            Self::Chevron => "M9 6l6 6-6 6",
            Self::Up => "M12 19V5M6 11l6-6 6 6",
            Self::Down => "M12 5v14M6 13l6 6 6-6",
        }
    }
}

#[component]
pub fn Icon(name: IconName, #[prop(default = "icon")] class: &'static str) -> impl IntoView {
    view! {
        <svg
            class=class
            viewBox="0 0 24 24"
            fill="none"
            stroke="currentColor"
            stroke-width="1.75"
            stroke-linecap="round"
            stroke-linejoin="round"
            aria-hidden="true"
        >
            <path d=name.path()></path>
        </svg>
    }
    .into_any()
}
