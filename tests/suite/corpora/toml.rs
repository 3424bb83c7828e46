//! Mapping and configuration files beyond those of `mapping/nasty.rs`.

use super::apart;
use super::targets::{config, mapping};
use lockstep::{mapping as mappings, verify};
use std::path::Path;

const EXAMPLE: &str = include_str!("../../../mapping/example.toml");
const CONFIG: &str = include_str!("../../../config/lockstep.toml");

/// Texts that break or strain TOML, for any file.
fn texts() -> Vec<String> {
    let many = |count: usize, of: &dyn Fn(usize) -> String| (0..count).map(of).collect::<String>();
    let mut all: Vec<String> = [
        "a",
        "a =",
        "= 1",
        "a = 1 2",
        "a = \"",
        "a = '''",
        "a = \"\"\"\n",
        "a = [1,,2]",
        "a = {b = 1,}",
        "a.b = 1\na = 2",
        "[a]\n[a]",
        "[a]\n[a.b]\n[a]",
        "[[a]]\n[a]",
        "a = []\n[[a]]",
        "[a.b]\n[a]\nb = 1",
        "a = 0x",
        "a = 0o8",
        "a = 1_",
        "a = 1__0",
        "a = 1979-13-45",
        "a = 25:61:61",
        "a = inf",
        "a = -nan",
        "a = 9223372036854775808",
        "a = \"\\ud800\"",
        "a = \"\\U00110000\"",
        "a = \"\\e\"",
        "\"\" = 1",
        "'a\n' = 1",
        "a\r= 1",
        "# \u{7f}",
        "a = \"\u{0}\"",
        "\u{feff}a = 1",
        "\u{feff}\u{feff}a = 1",
        "[",
        "[[",
        "]",
        "{",
        "a = \"\u{202e}\"",
        "schema = \"1\"",
        "schema = [1]",
        "schema = 1.0",
        "[schema]",
        "[[status]]\n[[status]]",
        "status = 1",
        "status = {}",
    ]
    .map(str::to_owned)
    .into();
    all.extend([
        many(2_000, &|n| format!("[t{n}]\n")),
        many(2_000, &|n| format!("k{n} = {n}\n")),
        format!("a{} = 1", ".a".repeat(50_000)),
        format!("[a{}]", ".a".repeat(50_000)),
        format!("a = {}1{}", "{b = ".repeat(20_000), "}".repeat(20_000)),
        format!("a = \"{}\"", "\\u0041".repeat(100_000)),
        format!("{} = 1", "k".repeat(1_000_000)),
        "[[a]]\n".repeat(5_000),
        "\n".repeat(100_000),
        "a = 1\n".repeat(2_000),
    ]);
    all
}

/// A good file, cut and bent in every line.
fn bent(good: &str) -> Vec<String> {
    let lines: Vec<&str> = good.lines().collect();
    let mut all = Vec::new();
    // Every third line: each is bent in ten ways.
    for at in (0..lines.len()).step_by(3) {
        let with = |line: String| {
            let mut lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            lines[at] = line;
            lines.join("\n")
        };
        let line = lines[at];
        all.push(lines[..at].join("\n"));
        all.push(with(String::new()));
        all.push(with(format!("{line}\n{line}")));
        for (from, to) in [
            ("\"", ""),
            ("=", "= \"null\" #"),
            ("=", "= true #"),
            ("e", "е"),
            ("e", "e\u{301}"),
            (" ", "\u{a0}"),
            ("}", ""),
        ] {
            all.push(with(line.replacen(from, to, 1)));
        }
    }
    all.push(good.replace('\n', "\r\n"));
    all.push(good.replace('\n', "\r"));
    all
}

#[test]
fn no_text_makes_a_mapping_panic_hang_or_grow() {
    apart!(no_text_makes_a_mapping_panic_hang_or_grow, 256, || {
        texts().iter().for_each(|text| mapping::run(text.as_bytes()));
        bent(EXAMPLE).iter().for_each(|text| mapping::run(text.as_bytes()));
        verify::parse("example.toml", &EXAMPLE.replace('\n', "\r\n")).expect("line ends of Windows");
        verify::parse("example.toml", &format!("\u{feff}{EXAMPLE}")).expect("a mark at its beginning");
    });
}

#[test]
fn no_text_makes_a_configuration_panic_hang_or_grow() {
    apart!(no_text_makes_a_configuration_panic_hang_or_grow, 256, || {
        texts().iter().for_each(|text| config::run(text.as_bytes()));
        bent(CONFIG).iter().for_each(|text| config::run(text.as_bytes()));
        for value in [
            "\u{0}",
            "\"",
            "99999999999999999999d",
            "-1s",
            "../../../../dev/zero",
            "/dev/zero",
            "[::1]:0",
            "http://[",
            "\u{202e}",
        ] {
            let all = lockstep::config::KEYS
                .iter()
                .map(|key| format!("{}={value}\n", key.variable()))
                .collect::<String>();
            config::run(format!("{CONFIG}\n%%\n{all}").as_bytes());
        }
    });
}

#[cfg(unix)]
#[test]
fn what_is_no_plain_file_is_refused_and_not_read_for_ever() {
    apart!(what_is_no_plain_file_is_refused_and_not_read_for_ever, 128, || {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let [zero, round, link] = ["zero", "round", "link"].map(|name| folder.path().join(name));
        std::os::unix::fs::symlink("/dev/zero", &zero).unwrap();
        std::os::unix::fs::symlink(&round, &round).unwrap();
        std::os::unix::fs::symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("mapping/example.toml"), &link)
            .unwrap();
        for path in [pipe.as_path(), &zero, &round, Path::new("/dev/zero"), folder.path()] {
            assert!(mappings::load(path).is_err(), "{}", path.display());
            drop(lockstep::sync::MappingWatch::new(path.to_owned()));
            assert!(lockstep::config::load(path, []).is_err(), "{}", path.display());
            assert_eq!(lockstep::config::mapping_path(path, []), None);
            let named = format!(
                "[salesforce]\nclient_secret_file = {:?}\nprivate_key_file = {path:?}\n",
                path.display().to_string()
            );
            config::run(named.as_bytes());
        }
        assert!(mappings::load(&link).is_ok(), "a link to a mapping is one");
        let long = folder.path().join("long");
        std::fs::write(&long, vec![b'#'; 10 << 20]).unwrap();
        let refused = lockstep::config::load(&long, []).expect_err("10 MB are no configuration").to_string();
        assert!(refused.contains("at most 1 MiB"), "{refused}");
    });
}
