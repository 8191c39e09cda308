//! `docs/registers.md`, generated from the register map.

use alloc::format;
use alloc::string::String;

use crate::register::{Access, REGISTERS, STATUS_BITS};

/// The page's tables as Markdown.
pub fn tables() -> String {
    let mut page =
        String::from("\n## Registers\n\n| offset | register | access | meaning |\n|---|---|---|---|\n");
    for register in REGISTERS {
        let access = match register.access {
            Access::ReadOnly => "read",
            Access::ReadWrite => "read, write",
            Access::Setup => "read, write while the rings stand",
            Access::WriteOnly => "write",
        };
        page.push_str(&format!(
            "| {:#05x} | {} | {access} | {} |\n",
            register.offset, register.name, register.text
        ));
    }
    page.push_str("\n## Bits of STATUS\n\n| bit | name | meaning |\n|---|---|---|\n");
    for (name, bit, text) in STATUS_BITS {
        page.push_str(&format!("| {bit} | {name} | {text} |\n"));
    }
    page
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_is_fresh() {
        assert!(
            include_str!("../../docs/registers.md").ends_with(&super::tables()),
            "docs/registers.md is stale: `make docs`"
        );
    }
}
