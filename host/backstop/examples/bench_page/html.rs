//! Sections as one HTML file: no script, nothing from a network.

use std::fmt::Write;

use super::canvas::dark_rules;
use super::section::{Part, Section, Table};

const STYLE: &str = "
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:1120px;margin:2em auto;padding:0 1em;color:#262B33;background:#FFFFFF}
h1{font-size:1.6em}h2{font-size:1.25em;margin-top:2em;border-bottom:1px solid #DEE2E7}
.quiet{color:#5C636E;font-size:.85em;margin:.3em 0}
.alarm{color:#A00020;border:2px solid #A00020;padding:.5em 1em;font-weight:bold}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.85em;margin:1em 0}
th,td{padding:.2em .7em;text-align:right;border-bottom:1px solid #DEE2E7;white-space:nowrap;font-variant-numeric:tabular-nums}
th.name,td.name{text-align:left}
svg{max-width:100%;height:auto;margin:.5em 0}
@media(prefers-color-scheme:dark){
body{color:#E2E6EC;background:#15181D}h2,th,td{border-color:#343A43}
.quiet{color:#969EAA}.alarm{color:#FF8095;border-color:#FF8095}
";

/// The whole page.
pub fn page(sections: &[Section]) -> String {
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width\"/>\n<title>Backstop: what the benches measured</title>\n\
         <style>{STYLE}{}}}\n</style>\n</head>\n<body>\n<h1>Backstop: what the benches measured</h1>\n",
        dark_rules()
    );
    for section in sections {
        let _ = writeln!(page, "<h2>{}</h2>", escaped(&section.title));
        for part in &section.parts {
            let _ = match part {
                Part::Words(text) => writeln!(page, "<p>{}</p>", escaped(text)),
                Part::Quiet(text) => writeln!(page, "<p class=\"quiet\">{}</p>", escaped(text)),
                Part::Alarm(text) => writeln!(page, "<p class=\"alarm\">{}</p>", escaped(text)),
                Part::Table(table) => writeln!(page, "{}", table_of(table)),
                Part::Plot(svg) => writeln!(page, "{svg}"),
            };
        }
    }
    page + "</body>\n</html>\n"
}

fn table_of(table: &Table) -> String {
    let mut text = "<div class=\"wide\"><table>\n".to_string();
    let heads = std::iter::once((&table.columns, "th"));
    for (cells, tag) in heads.chain(table.rows.iter().map(|row| (row, "td"))) {
        text += "<tr>";
        for (column, cell) in cells.iter().enumerate() {
            let class = if table.is_name(column) { " class=\"name\"" } else { "" };
            let _ = write!(text, "<{tag}{class}>{}</{tag}>", escaped(cell));
        }
        text += "</tr>\n";
    }
    text + "</table></div>"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
