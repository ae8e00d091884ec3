// swift-tools-version: 6.2
import PackageDescription

/// Places where a test may kill the program (docs/testing.md): there only for whoever asks, in no release.
let withFailPoints = Context.environment["FEDERATION_FAIL_POINTS"] == "1"
let failPoints: [Target.Dependency] = withFailPoints ? ["FailPoints"] : []

/// What every target is compiled with. Warnings are errors, so a new one is noticed the day it appears.
let common: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
] + (withFailPoints ? [.define("FAIL_POINTS")] : [])

/// Core and the targets that face C: every unsafe call wears the word `unsafe`.
let strict = common + [.strictMemorySafety()]

/// The fuzzers (docs/testing.md): there only for whoever asks, as they need libFuzzer from the toolchain.
let fuzzing: [Target] = Context.environment["FEDERATION_FUZZ"] == nil ? [] : [
    .systemLibrary(name: "CFuzzer", path: "Fuzz/CFuzzer"),
    .executableTarget(
        name: "Fuzzers",
        dependencies: [
            "CFuzzer", "Federation", "Negentropy", "FederationCore", "FederationConfig", "FederationCrypto", "FederationHTTP",
            "FederationTestKit",
        ],
        path: "Fuzz/Sources", swiftSettings: common),
]

let package = Package(
    name: "federation",
    products: [
        .library(name: "Federation", targets: ["Federation"]),
        .executable(name: "federation", targets: ["FederationCLI"]),
        .library(name: "Negentropy", targets: ["Negentropy"]),
        .executable(name: "negentropy-harness", targets: ["NegentropyHarness"]),
        .executable(name: "hostile-peer", targets: ["HostilePeer"]),
        .executable(name: "hostile-client", targets: ["HostileClient"]),
    ],
    targets: [
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(
            name: "CMicroHTTPD", pkgConfig: "libmicrohttpd", providers: [.apt(["libmicrohttpd-dev"])]),
        // Of glibc itself.
        .systemLibrary(name: "CProcess"),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),

        .target(name: "FederationCore", swiftSettings: strict),
        .target(name: "FederationConfig", dependencies: ["FederationCore", "CYAML"], swiftSettings: strict),
        .target(name: "FederationStore", dependencies: ["FederationCore", "CSQLite"] + failPoints, swiftSettings: strict),
        .target(name: "FederationCrypto", dependencies: ["FederationCore", "COpenSSL", "CSodium"] + failPoints, swiftSettings: strict),
        .target(
            name: "FederationHTTP", dependencies: ["FederationCore", "CCurl", "CMicroHTTPD", "CZstd"],
            swiftSettings: strict),
        // What browsers are given, in the program itself: nothing to install beside it.
        .target(
            name: "FederationPage",
            resources: [
                "reasons.md", "page/index.html", "page/page.css", "page/icon.svg", "page/page.js", "page/node.js", "page/dom.js",
                "page/words.js", "page/ring.js", "page/peers.js", "page/plots.js", "page/clocks.js", "page/records.js",
                "page/quarantine.js", "page/events.js", "page/reasons.js",
            ].map { .embedInCode($0) },
            swiftSettings: common),
        .target(
            name: "Federation",
            dependencies: [
                "FederationCore", "FederationConfig", "FederationStore", "FederationCrypto", "FederationHTTP",
                "FederationPage", "Negentropy", "CProcess",
            ] + failPoints,
            swiftSettings: common),
        // A host: it sees what any other package would.
        .executableTarget(
            name: "notes-index", dependencies: ["Federation"], path: "examples/notes-index", packageAccess: false,
            swiftSettings: common),
        // One line of C, as an allocator that starts before the program can be told of it in no other way.
        .target(name: "Jemalloc"),
        .executableTarget(
            name: "FederationCLI",
            dependencies: [
                "Federation", "FederationCore", "FederationConfig", "FederationStore", "FederationCrypto", "FederationPage",
                "FederationTestKit", "Jemalloc",
            ] + failPoints,
            swiftSettings: common,
            // The program's allocator in place of glibc's (docs/decisions/0191); a sanitizer brings one of its own.
            linkerSettings: [.linkedLibrary("jemalloc", .when(platforms: [.linux], configuration: .release))]),
        // Depends on nothing of ours and on no library: for others to use as it is.
        .target(name: "Negentropy", swiftSettings: strict),
        .executableTarget(name: "NegentropyHarness", dependencies: ["Negentropy"], swiftSettings: strict),
        .target(name: "NegentropyTestKit", dependencies: ["Negentropy"], swiftSettings: common),
        .executableTarget(
            name: "NegentropySearch", dependencies: ["Negentropy", "NegentropyTestKit"], swiftSettings: common),
        .executableTarget(
            name: "NegentropyBench",
            dependencies: ["Negentropy", "NegentropyTestKit", "FederationCore", "FederationCrypto"],
            path: "Benchmarks/NegentropyBench", swiftSettings: common),
        .executableTarget(
            name: "StoreBench", dependencies: ["FederationStore", "FederationCore", "FederationCrypto"],
            path: "Benchmarks/StoreBench", swiftSettings: common),
        .executableTarget(
            name: "PagedPoll", dependencies: ["FederationStore", "FederationCore", "FederationCrypto", "FederationHTTP"],
            path: "Benchmarks/PagedPoll", swiftSettings: common),
        .target(
            name: "FederationTestKit", dependencies: ["FederationCore", "FederationCrypto", "COpenSSL"], swiftSettings: common),
        // What a node must bear, as programs: they answer or ask any node as nobody should.
        .target(
            name: "HostileKit", dependencies: ["FederationCore", "FederationCrypto", "FederationHTTP"], swiftSettings: common),
        .executableTarget(name: "HostilePeer", dependencies: ["HostileKit"], swiftSettings: common),
        .executableTarget(name: "HostileClient", dependencies: ["HostileKit"], swiftSettings: common),

        .testTarget(
            name: "FederationCoreTests", dependencies: ["FederationCore", "FederationCrypto", "FederationTestKit"],
            swiftSettings: common),
        .testTarget(name: "FederationConfigTests", dependencies: ["FederationConfig", "FederationCore"], swiftSettings: common),
        .testTarget(
            name: "FederationStoreTests",
            dependencies: ["FederationStore", "FederationCore", "FederationTestKit", "CSQLite"],
            swiftSettings: common),
        .testTarget(
            name: "FederationCryptoTests", dependencies: ["FederationCrypto", "FederationCore", "FederationTestKit"],
            swiftSettings: common),
        .testTarget(name: "FederationHTTPTests",
            dependencies: ["FederationHTTP", "FederationCore", "FederationCrypto", "FederationTestKit", "HostileKit"],
            swiftSettings: common),
        .testTarget(
            name: "FederationTests",
            dependencies: ["Federation", "Negentropy", "FederationCore", "FederationConfig", "FederationStore", "FederationCrypto", "FederationTestKit", "CProcess"],
            swiftSettings: common),
        // As a host's own package would see the product: only what is public, by one import.
        .testTarget(name: "LibraryTests", dependencies: ["Federation"], packageAccess: false, swiftSettings: common),
        .testTarget(
            name: "NegentropyTests", dependencies: ["Negentropy", "NegentropyHarness", "NegentropyTestKit"], exclude: ["Vectors"],
            swiftSettings: common),
        .testTarget(
            name: "SimulationTests",
            dependencies: [
                "FederationCLI", "Federation", "FederationCore", "FederationTestKit", "FederationCrypto", "FederationStore",
            ],
            swiftSettings: common),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "FederationCLI", "Federation", "FederationCore", "FederationHTTP", "FederationCrypto", "FederationStore",
                "FederationTestKit", "HostileKit", "HostilePeer", "HostileClient", "notes-index", "CProcess",
            ],
            swiftSettings: common),
    ] + fuzzing + (withFailPoints ? [.target(name: "FailPoints", swiftSettings: strict)] : []),
    swiftLanguageModes: [.v6]
)
