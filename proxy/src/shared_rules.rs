//! Rules that many proxies of a snapshot have alike, compiled once and kept once: most proxies have their provider's default
//! endpoints. Knows no proxy.

use std::collections::HashMap;
use std::sync::Arc;

use keyward_domain::body_rules::{BodyRule, BodyRuleError, BodyRules};
use keyward_domain::rules::{EndpointRule, RuleError, RuleSet};

/// Needed while a snapshot is made.
#[derive(Default)]
pub struct SharedRules {
    endpoints: HashMap<Vec<EndpointRule>, Endpoints>,
    bodies: HashMap<Vec<BodyRule>, Result<Arc<BodyRules>, BodyRuleError>>,
}

#[derive(Clone)]
pub struct Endpoints {
    pub rules: Arc<RuleSet>,
    /// Why some of the list allow nothing.
    pub broken: Arc<[RuleError]>,
}

impl SharedRules {
    pub fn endpoints(&mut self, list: Vec<EndpointRule>) -> Endpoints {
        let compiled = self.endpoints.entry(list).or_insert_with_key(|list| {
            let (rules, broken) = RuleSet::compile(list);
            Endpoints { rules: Arc::new(rules), broken: broken.into() }
        });
        compiled.clone()
    }

    pub fn bodies(&mut self, list: Vec<BodyRule>) -> Result<Arc<BodyRules>, BodyRuleError> {
        self.bodies.entry(list).or_insert_with_key(|list| BodyRules::compile(list).map(Arc::new)).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(template: &str) -> EndpointRule {
        EndpointRule { method: "GET".into(), template: template.into(), query: vec![], headers: vec![] }
    }

    #[test]
    fn equal_lists_are_kept_once_and_others_apart() {
        let mut shared = SharedRules::default();
        let one = shared.endpoints(vec![rule("/a"), rule("no path")]);
        let same = shared.endpoints(vec![rule("/a"), rule("no path")]);
        let other = shared.endpoints(vec![rule("/b")]);
        assert!(Arc::ptr_eq(&one.rules, &same.rules) && !Arc::ptr_eq(&one.rules, &other.rules));
        assert_eq!((same.broken.len(), other.broken.len()), (1, 0));
        let most = |most| vec![BodyRule { max_chars: Some(most), ..BodyRule::default() }];
        let (one, same, other) = (shared.bodies(most(1)), shared.bodies(most(1)), shared.bodies(most(2)));
        let (one, same, other) = (one.expect("rules"), same.expect("rules"), other.expect("rules"));
        assert!(Arc::ptr_eq(&one, &same) && !Arc::ptr_eq(&one, &other));
        let twice = [most(1), most(2)].concat();
        assert!(shared.bodies(twice.clone()).is_err() && shared.bodies(twice).is_err());
    }
}
