//! A body rule as short lines: what is allowed, clamped, refused.

use keyward_domain::body_rules::{BodyRule, EndUser, SystemPrompt, Tools};

use crate::ui::format::count;

pub fn summary(rule: &BodyRule) -> Vec<String> {
    let number = |number: u64| count(i64::try_from(number).unwrap_or(i64::MAX));
    let aliases: Vec<String> = rule.aliases.iter().map(|(alias, model)| format!("{alias} → {model}")).collect();
    let lines = [
        (!rule.models.is_empty()).then(|| format!("Models: {}", rule.models.join(", "))),
        (!aliases.is_empty()).then(|| format!("Aliases: {}", aliases.join(", "))),
        rule.max_output_tokens.map(|most| format!("At most {} output tokens", number(most))),
        rule.max_choices.map(|most| format!("At most {} answers", number(most))),
        rule.max_messages.map(|most| format!("At most {} messages", number(most))),
        rule.max_chars.map(|most| format!("At most {} characters", number(most))),
        match &rule.tools {
            Tools::Any => None,
            Tools::None => Some("No tools".to_owned()),
            Tools::Only(types) => Some(format!("Tools: {}", types.join(", "))),
        },
        rule.modalities.as_ref().map(|names| format!("Modalities: {}", names.join(", "))),
        match &rule.system_prompt {
            SystemPrompt::Free => None,
            SystemPrompt::Forbidden => Some("No system prompt of the client’s".to_owned()),
            SystemPrompt::Pinned(_) => Some("Your system prompt".to_owned()),
        },
        match rule.end_user {
            EndUser::Free => None,
            EndUser::Hashed => Some("The user, as a hash".to_owned()),
        },
    ];
    lines.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_a_rule_does_and_nothing_else() {
        let rule = BodyRule {
            models: vec!["gpt-4o-mini".to_owned()],
            max_output_tokens: Some(1_000),
            tools: Tools::None,
            ..BodyRule::default()
        };
        assert_eq!(summary(&rule), ["Models: gpt-4o-mini", "At most 1,000 output tokens", "No tools"]);
        assert!(summary(&BodyRule::default()).is_empty());
    }
}
