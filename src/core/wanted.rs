//! What a proxy wants of a token before it lets a request through.

use super::{
    decision::Standing,
    id::{OfOrganization, Reference},
    organization,
    privilege::{MOST, Privilege},
    refusal::Refusal,
};

/// What is wanted; nothing, as long as nothing was added, but that the token is good.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Groups of privileges: of each group at least one.
    groups: Vec<Vec<Privilege>>,
    /// The slug of the organization that the token belongs to.
    organization: Option<String>,
    /// The number of a module that the token is good for.
    module: Option<String>,
}

impl Wanted {
    /// Wants one more: `orders:read`, or `orders:read|orders:write` for any of them.
    pub fn require(&mut self, text: &str) -> Result<(), Refusal> {
        let invalid = |problem: String| Refusal::invalid("require", problem);
        let group: Result<Vec<Privilege>, Refusal> = text.split('|').map(str::parse).collect();
        let group = group.map_err(|refusal| match refusal {
            Refusal::Invalid { problem, .. } => invalid(problem),
            other => other,
        })?;
        if self.groups.iter().map(Vec::len).sum::<usize>() + group.len() > MOST {
            return Err(invalid(format!("at most {MOST} privileges")));
        }
        self.groups.push(group);
        Ok(())
    }

    /// The privileges that are wanted, those of which one will do all of them.
    pub fn privileges(&self) -> impl Iterator<Item = &Privilege> {
        self.groups.iter().flatten()
    }

    /// Wants that the token belongs to this organization, by slug.
    pub fn organization(&mut self, slug: &str) -> Result<(), Refusal> {
        if Reference::<OfOrganization>::parse(slug).is_some() {
            return Err(Refusal::invalid("organization", "its slug, not an id"));
        }
        let slug = organization::slug(slug).map_err(|_| Refusal::invalid("organization", "a slug"))?;
        set("organization", &mut self.organization, slug)
    }

    /// Wants that the token is good for this module, by number.
    pub fn module(&mut self, number: &str) -> Result<(), Refusal> {
        let number = organization::module_number(number)
            .map_err(|_| Refusal::invalid("module", "MOD-dddd or MOD-dddd-dddd, each d a digit"))?;
        set("module", &mut self.module, number)
    }

    /// Holds a token against it.
    pub(super) fn judge(&self, standing: &Standing) -> Result<(), Refusal> {
        let Standing { token, account, privileges, .. } = standing;
        let elsewhere = |wanted: &String| *wanted != account.organization.slug;
        if self.organization.as_ref().is_some_and(elsewhere) {
            return Err(Refusal::OrganizationForeign);
        }
        if let Some(module) = self.module.as_ref().filter(|module| !token.modules.contains(module)) {
            return Err(Refusal::ModuleMissing { needed: module.clone() });
        }
        let unmet = |group: &&Vec<Privilege>| !group.iter().any(|wanted| privileges.cover(wanted));
        match self.groups.iter().find(unmet) {
            Some(group) => Err(Refusal::PrivilegeMissing { needed: group[0].clone() }),
            None => Ok(()),
        }
    }
}

fn set(field: &'static str, place: &mut Option<String>, value: String) -> Result<(), Refusal> {
    if place.replace(value).is_some() {
        return Err(Refusal::invalid(field, "only one"));
    }
    Ok(())
}
