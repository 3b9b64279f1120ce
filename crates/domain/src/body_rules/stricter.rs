//! Two rules that must both hold, as one: a proxy's own, and what a plan leaves its users of it.

use super::models::is_meant;
use super::{BodyRule, Tools};

/// In a list of models, where an empty one allows all: allows none. No provider has such a name.
const NO_MODEL: &str = "\0";

/// `plan` names no endpoint: it holds on every one, beside whichever of the proxy's rules does. Names and prompts are the
/// proxy's to set.
pub fn stricter(proxy: &[BodyRule], plan: &BodyRule) -> Vec<BodyRule> {
    if !plan.restricts() {
        return proxy.to_vec();
    }
    let mut rules: Vec<BodyRule> = proxy.iter().map(|rule| both(rule, plan)).collect();
    if proxy.iter().all(|rule| rule.endpoint.is_some()) {
        rules.push(both(&BodyRule::default(), plan));
    }
    rules
}

fn both(proxy: &BodyRule, plan: &BodyRule) -> BodyRule {
    BodyRule {
        endpoint: proxy.endpoint.clone(),
        models: models(&proxy.models, &plan.models),
        aliases: proxy.aliases.clone(),
        max_output_tokens: least(proxy.max_output_tokens, plan.max_output_tokens),
        max_choices: least(proxy.max_choices, plan.max_choices),
        tools: tools(&proxy.tools, &plan.tools),
        modalities: match (&proxy.modalities, &plan.modalities) {
            (Some(one), Some(other)) => Some(shared(one, other)),
            (one, other) => one.clone().or_else(|| other.clone()),
        },
        max_messages: least(proxy.max_messages, plan.max_messages),
        max_chars: least(proxy.max_chars, plan.max_chars),
        system_prompt: proxy.system_prompt.clone(),
        end_user: proxy.end_user,
    }
}

fn least(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn shared(one: &[String], other: &[String]) -> Vec<String> {
    one.iter().filter(|name| other.contains(name)).cloned().collect()
}

/// Of two lines of which one covers the other, the narrower.
fn models(proxy: &[String], plan: &[String]) -> Vec<String> {
    if proxy.is_empty() || plan.is_empty() {
        return [proxy, plan].concat();
    }
    let mut both: Vec<String> =
        proxy.iter().filter(|line| plan.iter().any(|wide| covers(wide, line))).cloned().collect();
    let of_plan = plan.iter().filter(|line| proxy.iter().any(|wide| covers(wide, line)));
    both.extend(of_plan.cloned());
    both.dedup();
    if both.is_empty() { vec![NO_MODEL.to_owned()] } else { both }
}

/// Whether all that `line` allows is allowed by `wide`: the end of `line` is a letter like any other.
fn covers(wide: &str, line: &str) -> bool {
    match (wide.strip_suffix('*'), line.strip_suffix('*')) {
        (None, Some(_)) => false,
        (None, None) | (Some(_), None) => is_meant(wide, line),
        (Some(_), Some(start)) => is_meant(wide, start),
    }
}

fn tools(proxy: &Tools, plan: &Tools) -> Tools {
    match (proxy, plan) {
        (Tools::None, _) | (_, Tools::None) => Tools::None,
        (Tools::Any, other) | (other, Tools::Any) => other.clone(),
        (Tools::Only(one), Tools::Only(other)) => Tools::Only(shared(one, other)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{EndUser, SystemPrompt};
    use super::*;

    fn of(models: &[&str]) -> BodyRule {
        BodyRule { models: models.iter().map(|name| (*name).to_owned()).collect(), ..BodyRule::default() }
    }

    fn allowed(proxy: &[&str], plan: &[&str]) -> Vec<String> {
        stricter(&[of(proxy)], &of(plan)).remove(0).models
    }

    #[test]
    fn a_model_must_be_allowed_by_both() {
        for (proxy, plan, want) in [
            (&[][..], &["a"][..], &["a"][..]),
            (&["a", "b"], &["b", "c"], &["b"]),
            (&["gpt-4o*"], &["gpt-4o-mini"], &["gpt-4o-mini"]),
            (&["gpt-4o-mini"], &["gpt-*"], &["gpt-4o-mini"]),
            (&["gpt-*"], &["gpt-4o*"], &["gpt-4o*"]),
            (&["gpt-4o*"], &["*"], &["gpt-4o*"]),
            (&["models/gemini-2.5-pro"], &["gemini-2.5-pro"], &["models/gemini-2.5-pro", "gemini-2.5-pro"]),
            (&["a"], &["b"], &[NO_MODEL]),
            (&["gpt-4o"], &["gpt-4o*"], &["gpt-4o"]),
        ] {
            assert_eq!(allowed(proxy, plan), want, "{proxy:?} {plan:?}");
        }
    }

    #[test]
    fn the_smaller_size_holds_and_the_rest_is_the_proxys() {
        let proxy = BodyRule {
            endpoint: Some("POST /v1/chat/completions".into()),
            aliases: [("fast".to_owned(), "gpt-4o-mini".to_owned())].into(),
            max_output_tokens: Some(100),
            max_chars: Some(10),
            tools: Tools::Only(vec!["function".into(), "web_search".into()]),
            modalities: Some(vec!["text".into(), "audio".into()]),
            system_prompt: SystemPrompt::Forbidden,
            end_user: EndUser::Hashed,
            ..BodyRule::default()
        };
        let plan = BodyRule {
            max_output_tokens: Some(50),
            max_choices: Some(1),
            max_chars: Some(20),
            tools: Tools::Only(vec!["function".into()]),
            modalities: Some(vec!["text".into()]),
            ..BodyRule::default()
        };
        let rules = stricter(std::slice::from_ref(&proxy), &plan);
        let want = BodyRule {
            max_output_tokens: Some(50),
            max_choices: Some(1),
            tools: Tools::Only(vec!["function".into()]),
            modalities: Some(vec!["text".into()]),
            ..proxy
        };
        assert_eq!(rules, [want, plan], "and where the proxy says nothing, the plan alone holds");
    }

    #[test]
    fn a_plan_that_restricts_nothing_leaves_the_rules_as_they_are() {
        let proxy = [of(&["a"])];
        assert_eq!(stricter(&proxy, &BodyRule::default()), proxy);
        assert_eq!(stricter(&[], &BodyRule::default()), []);
    }
}
