// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .treatAllWarnings(as: .error),
]

/// A room of the house: a target whose sources stand in `Sources/<folder>/<name>`.
func room(_ name: String, in folder: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, path: "Sources/\(folder)/\(name)", swiftSettings: strict)
}

/// A C library of the system, found by pkg-config.
func native(_ name: String, pkgConfig: String, apt: String) -> Target {
  .systemLibrary(name: name, path: "Sources/Native/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

func tests(of name: String, _ more: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.init(stringLiteral: name)] + more, path: "Tests/\(name)Tests",
    swiftSettings: strict)
}

let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let nio: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioHTTP2: Target.Dependency = .product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let x509: Target.Dependency = .product(name: "X509", package: "swift-certificates")
let asn1: Target.Dependency = .product(name: "SwiftASN1", package: "swift-asn1")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let cryptoExtras: Target.Dependency = .product(name: "CryptoExtras", package: "swift-crypto")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

let package = Package(
  name: "haneul",
  products: [.executable(name: "haneul", targets: ["haneul"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
    .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
  ],
  targets: [
    // Native
    native("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
    native("CPostgres", pkgConfig: "libpq", apt: "libpq-dev"),
    native("CLibvirt", pkgConfig: "libvirt", apt: "libvirt-dev"),
    native("CCrypt", pkgConfig: "libcrypt", apt: "libcrypt-dev"),
    native("CLDAP", pkgConfig: "ldap", apt: "libldap-dev"),
    native("CNftables", pkgConfig: "libnftables", apt: "libnftables-dev"),
    .target(name: "CLinux", path: "Sources/Native/CLinux"),

    // Platform
    room("Kit", in: "Platform", [log]),
    room("Store", in: "Platform", ["Kit", "CSQLite", "CPostgres", log]),
    room("Auth", in: "Platform", ["Kit", "Store", "CCrypt", crypto, cryptoExtras]),
    room(
      "API", in: "Platform",
      [
        "Kit", "Store", "Auth", nio, nioPosix, nioHTTP, nioTLS, nioHTTP2, nioSSL, x509, asn1, crypto, log,
      ]),
    room("Converge", in: "Platform", ["Kit", "Store", log]),
    room(
      "NodeLink", in: "Platform",
      ["Kit", "Store", "API", "CLinux", hummingbird, httpTypes, httpClient, crypto, nio, nioPosix, log]),

    // What services offer each other
    room("Contracts", in: ".", ["Kit", "Store", "Auth"]),

    // Services
    room(
      "Identity", in: "Services",
      [
        "Kit", "Store", "Auth", "API", "Converge", "Contracts", "CLDAP", log, crypto, cryptoExtras, httpClient, nio,
        nioHTTP,
      ]),
    room("Images", in: "Services", ["Kit", "Store", "Auth", "API", "Converge", "Contracts", crypto, nio]),
    room("Placement", in: "Services", ["Kit", "Store", "Auth", "API", "NodeLink", "Contracts"]),
    room("Networks", in: "Services", ["Kit", "Store", "Auth", "API", "Converge", "NodeLink", "Contracts"]),
    room("Compute", in: "Services", ["Kit", "Store", "Auth", "API", "Converge", "NodeLink", "Contracts", crypto, log]),
    room("Explain", in: "Services", ["Kit", "Store", "Auth", "API", "NodeLink", "Contracts", log]),

    // Node
    room("Drivers", in: "Node", ["Kit", "NodeLink"]),
    room("Disks", in: "Node", ["Kit", "NodeLink", "Drivers", subprocess, system, crypto, log]),
    room(
      "Dataplane", in: "Node",
      ["Kit", "NodeLink", "Drivers", "CLinux", "CNftables", subprocess, system, nio, nioPosix, log]),
    room("Hypervisor", in: "Node", ["Kit", "NodeLink", "Drivers", "CLibvirt", subprocess, system, log]),
    room("Agent", in: "Node", ["Kit", "NodeLink", "Drivers", log]),

    // Composition and the command
    room(
      "Cloud", in: ".",
      [
        "Kit", "Store", "Auth", "API", "Converge", "NodeLink", "Contracts", "Identity", "Images", "Placement",
        "Networks", "Compute", "Explain", "Drivers", "Disks", "Dataplane", "Hypervisor", "Agent", "CLinux", yams, log,
        crypto,
        httpClient, subprocess, system, nio, nioHTTP, nioSSL,
      ]),
    .executableTarget(
      name: "haneul", dependencies: ["Cloud", "Kit", "Dataplane", arguments, log], path: "Sources/haneul",
      swiftSettings: strict),
    .executableTarget(
      name: "simulated-node", dependencies: ["Agent", "Cloud", "Drivers", "Kit", "NodeLink", "Simulation", log],
      path: "Benchmarks/SimulatedNode", swiftSettings: strict),
    // What the benchmarks compare with: the bare HTTP server, the raw engines; and an even load, which wrk cannot make.
    .executableTarget(
      name: "bare-http", dependencies: [hummingbird], path: "Benchmarks/BareHTTP", swiftSettings: strict),
    .executableTarget(
      name: "raw-store", dependencies: ["CSQLite", "CPostgres"], path: "Benchmarks/RawStore"),
    .executableTarget(name: "pacer", path: "Benchmarks/Pacer", cSettings: [.define("_GNU_SOURCE")]),

    // Tests mirror the rooms; Tests/System and Tests/Conformance are Python, for they drive OpenStack's own clients.
    .testTarget(name: "StyleTests", path: "Tests/StyleTests", swiftSettings: strict),
    // A store of either engine for the tests of every room: HANEUL_TEST_STORE=postgres asks for PostgreSQL.
    .target(name: "StoreFixture", dependencies: ["Kit", "Store"], path: "Tests/StoreFixture", swiftSettings: strict),
    // Writes into a store until it is killed, for the tests of crashes.
    .executableTarget(
      name: "store-writer", dependencies: ["Store"], path: "Tests/StoreWriter", swiftSettings: strict),
    tests(of: "Kit", [log]),
    tests(of: "Store", ["Kit", "StoreFixture"]),
    tests(of: "Auth", ["Kit"]),
    tests(of: "API", ["Kit", "Store", "Auth", x509, asn1, log, nio, nioPosix, nioSSL]),
    // The examination of sagas, for every room that has some.
    .target(
      name: "ConvergeExam", dependencies: ["Converge", "Store"], path: "Tests/ConvergeExam", swiftSettings: strict),
    tests(of: "Converge", ["StoreFixture", "Kit", "Store", "ConvergeExam", log]),
    tests(of: "NodeLink", ["StoreFixture", "Kit", "Store", "API", log, nio]),
    tests(
      of: "Identity",
      [
        "StoreFixture", "Kit", "Store", "Auth", "API", "Contracts", "Converge", log, crypto, cryptoExtras, nio,
        nioPosix,
        nioHTTP, subprocess, system,
      ]),
    tests(
      of: "Images",
      ["StoreFixture", "Kit", "Store", "Auth", "API", "Contracts", "Converge", log, nio, subprocess, system, crypto]),
    tests(of: "Placement", ["StoreFixture", "Kit", "Store", "Auth", "API", "Contracts", "NodeLink", log]),
    tests(of: "Networks", ["StoreFixture", "Kit", "Store", "Auth", "API", "Contracts", "Converge", "NodeLink", log]),
    tests(
      of: "Compute",
      ["StoreFixture", "Kit", "Store", "Auth", "API", "Contracts", "Converge", "ConvergeExam", "NodeLink", log]),
    tests(of: "Explain", ["StoreFixture", "Kit", "Store", "Auth", "API", "Contracts", "NodeLink", log]),
    tests(of: "Disks", ["Kit", "NodeLink", "Drivers", log, subprocess, system, crypto]),
    tests(of: "Dataplane", ["Kit", "NodeLink", "Drivers", "CLinux", log, subprocess, system]),
    tests(of: "Hypervisor", ["Kit", "NodeLink", "Drivers", log, subprocess, system]),
    .target(
      name: "Simulation", dependencies: ["Kit", "NodeLink", "Drivers"], path: "Tests/Simulation",
      swiftSettings: strict),
    tests(of: "Agent", ["Kit", "NodeLink", "Drivers", "Simulation", log]),
    // One whole cloud in one process under a seed. CSimulation takes the clocks, the randomness and the queues of the
    // process it is linked into, so it is in no other program; the tests start that program.
    .target(name: "CSimulation", path: "Tests/CSimulation"),
    .executableTarget(
      name: "simulate",
      dependencies: [
        "CSimulation", "Simulation", "Kit", "Store", "Auth", "API", "Converge", "NodeLink", "Drivers", "Agent",
        "Explain",
        "Cloud", log,
      ], path: "Tests/Simulate", swiftSettings: strict),
    .testTarget(
      name: "SimulationTests", dependencies: ["simulate"], path: "Tests/SimulationTests", swiftSettings: strict),
    tests(of: "Cloud", ["StoreFixture", "Kit", "Store", "Auth", "API", "NodeLink", "Agent", log]),
  ]
)
