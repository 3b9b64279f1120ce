//! Checks of what a person typed, used by the form in the browser and by the server alike.
