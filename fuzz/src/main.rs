//! One of the parsers under libFuzzer; BACKSTOP_PARSER names it as `Parser` prints it. `scripts/fuzz.sh` builds and runs this.
#![no_main]

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use backstop::parsers::Parser;
use libfuzzer_sys::fuzz_target;

static PARSER: LazyLock<Parser> = LazyLock::new(|| {
    let name = std::env::var("BACKSTOP_PARSER").unwrap_or_default();
    let parser = Parser::ALL.into_iter().find(|parser| format!("{parser:?}") == name);
    let parser = parser.unwrap_or_else(|| panic!("BACKSTOP_PARSER is {name:?}, name one of {:?}", Parser::ALL));
    if let Ok(folder) = std::env::var("BACKSTOP_SAMPLES") {
        for (number, sample) in parser.samples().iter().enumerate() {
            let path = Path::new(&folder).join(format!("sample-{number}"));
            fs::write(&path, sample).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
    parser
});

fuzz_target!(init: { LazyLock::force(&PARSER); }, |bytes: &[u8]| {
    PARSER.read(bytes);
});
