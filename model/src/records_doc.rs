//! `docs/records.md`, generated from the layouts; the ABI hash is taken over these bytes.

use alloc::format;
use alloc::string::String;

use crate::record::{Layout, Reason, input, output};

/// The page's tables as Markdown.
pub fn tables() -> String {
    let mut page = String::new();
    section(&mut page, "Into the device", input::LAYOUTS);
    section(&mut page, "Out of the device", output::LAYOUTS);
    page.push_str("\n## Reasons of ERROR_RECORD and ERROR_ACCOUNT\n\n| code | meaning |\n|---|---|\n");
    for (reason, words) in Reason::ALL {
        page.push_str(&format!("| {} | {words} |\n", reason as u8));
    }
    page
}

fn section(page: &mut String, title: &str, layouts: &[Layout]) {
    page.push_str(&format!("\n## {title}\n\n| record | op | flags | field | bits | type | unit |\n|---|---|---|---|---|---|---|\n"));
    for layout in layouts {
        let mut lead = format!("| {} | {:#04x} | {:#010b} ", layout.name, layout.op, layout.flags);
        for field in layout.fields {
            let kind = if field.signed { 'i' } else { 'u' };
            let (high, low) = (field.lsb + field.bits - 1, field.lsb);
            let bits = field.bits;
            page.push_str(&format!(
                "{lead}| {} | {high}:{low} | {kind}{bits} | {} |\n",
                field.name, field.unit
            ));
            lead = String::from("| | | ");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::record::{ABI_HASH, fnv1a_64};

    #[test]
    fn the_page_and_the_abi_hash_are_fresh() {
        let tables = super::tables();
        let hash = fnv1a_64(tables.as_bytes());
        assert_eq!(hash, ABI_HASH, "the layouts changed: ABI_HASH is now {hash:#018x}");
        assert!(
            include_str!("../../docs/records.md").ends_with(&tables),
            "docs/records.md is stale: `cargo run -p model --example records > docs/records.md`"
        );
    }
}
