//! The proofs there are.

use super::Page;

/// A claim and the program that shows it: exits with 0 only where the claim holds, and prints figures.
pub(super) struct Proof {
    pub(super) name: &'static str,
    pub(super) claim: &'static str,
    /// What cargo is asked to do, one call after the other; `{target}` stands for the build's output folder.
    /// What they print is the result.
    pub(super) cargo: &'static [&'static [&'static str]],
    pub(super) page: Page,
    /// Whether a PostgreSQL server is started for it.
    pub(super) postgres: bool,
}

/// Side by side with other proxies, written by the bench itself.
macro_rules! side_by_side {
    ($mode:literal, $claim:literal) => {
        Proof {
            name: $mode,
            claim: $claim,
            cargo: &[
                &["build", "--release", "--package", "botwarden"],
                &["build", "--release", "--package", "botwarden-bench", "--bins"],
                &[
                    "run",
                    "--release",
                    "--package",
                    "botwarden-bench",
                    "--",
                    $mode,
                    "--write",
                    "--botwarden",
                    "{target}/release/botwarden",
                    "--work-dir",
                    "{target}/bench",
                ],
            ],
            page: Page::Own("docs/results/gateway.md"),
            postgres: false,
        }
    };
}

pub(super) const PROOFS: &[Proof] = &[
    side_by_side!(
        "cpu",
        "a request costs at most 1.4 times a bare proxy's processor time, 2.1 times nginx's"
    ),
    side_by_side!("sse-cpu", "a streamed answer costs at most 1.4 times a bare proxy's processor time"),
    side_by_side!("sse-cpu-paced", "the same, one event every 5 ms"),
    side_by_side!("latency", "at 500 requests a second, p99 is at most 0.3 ms above a bare proxy's"),
    side_by_side!(
        "streams",
        "512 streams at once: none stalls, first bytes come at most 0.4 ms later at p99"
    ),
    side_by_side!("memory", "after 1,000,000 requests and with 512 streams held: at most 60 MB, and flat"),
    side_by_side!("litellm", "a request costs at most 1/200 of the processor time of LiteLLM's proxy"),
    side_by_side!("build", "a cold release build takes at most 10 minutes on two cores, the binary 40 MB"),
    Proof {
        name: "limits",
        claim: "a limit decision costs less than governor's and a 50th of Python's, a key weighs at most 24 to 96 bytes, a flood of keys changes nothing",
        cargo: &[&["bench", "--package", "botwarden-limit", "--bench", "decide"]],
        page: Page::Printed,
        postgres: false,
    },
    Proof {
        name: "limits-exact",
        claim: "12 million decisions agree with a plain log of time stamps, 12 million calls by three threads are counted exactly, 100,000 schedules of threads admit nobody twice",
        cargo: &[
            &[
                "test",
                "--release",
                "--package",
                "botwarden-limit",
                "--lib",
                "--features",
                "prove,shuttle",
                "explore",
            ],
            &["test", "--release", "--package", "botwarden-limit", "--lib", "--features", "prove"],
        ],
        page: Page::Printed,
        postgres: false,
    },
    Proof {
        name: "audit",
        claim: "the audit log is checked at 500,000 entries a second and core or more, in memory that does not grow with it",
        cargo: &[&["bench", "--package", "botwarden-audit", "--bench", "verify"]],
        page: Page::Printed,
        postgres: false,
    },
    Proof {
        name: "kept",
        claim: "killed 100 times under load, the gateway loses no decision it acted on and its log verifies; after 10,000 chats what was said lies nowhere in the clear",
        cargo: &[&[
            "test",
            "--release",
            "--package",
            "botwarden",
            "--test",
            "gateway",
            "--features",
            "prove",
            "--",
            "--nocapture",
            "no_acknowledged_decision_is_missing_after_a_kill",
            "nothing_that_was_said_lies_in_the_clear_after_many_chats",
        ]],
        page: Page::Printed,
        postgres: true,
    },
    Proof {
        name: "sealed",
        claim: "sealing a cell of 1 KiB costs at most half as much again as its cipher alone; one disk takes 50 times as many entries of the audit log, durably, as with a sync each",
        cargo: &[
            &["bench", "--package", "botwarden-crypto", "--bench", "cell"],
            &["bench", "--package", "botwarden-store", "--bench", "audit"],
        ],
        page: Page::Printed,
        postgres: false,
    },
    Proof {
        name: "origins",
        claim: "of the recorded attacks by a wholly hijacked agent in the folder that `BOTWARDEN_TRACES` names, none is completed under contracts as drafted",
        cargo: &[&["run", "--release", "--package", "botwarden-policy", "--example", "replay"]],
        page: Page::Printed,
        postgres: false,
    },
    Proof {
        name: "fernet",
        claim: "a Fernet token costs a 40th of Python's time at 64 bytes and a 5th at 16 MiB, and little more than its longest chain of instructions",
        cargo: &[&["bench", "--package", "botwarden-fernet", "--bench", "tokens"]],
        page: Page::Printed,
        postgres: false,
    },
    Proof {
        name: "fuzz",
        claim: "no parser of outside bytes crashes: ten minutes of processor time for each family, at least one for each target",
        cargo: &[&["xtask", "fuzz", "--every", "--seconds", "600"]],
        page: Page::Printed,
        postgres: false,
    },
];
