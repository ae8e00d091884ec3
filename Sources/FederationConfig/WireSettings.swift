public import FederationCore

/// What a peer's entry says of its wire.
public enum WireChoice: Hashable, Sendable {
    /// `native`, and `noema` where the peer definitely has no `native`.
    case auto
    case only(WireName)

    /// As the configuration writes it.
    public var text: String {
        switch self {
        case .auto: "auto"
        case .only(let wire): wire.rawValue
        }
    }
}

/// A wire's own keys of a peer's entry, with their bounds and defaults.
///
/// ```swift
/// struct HiveSettings: WireSettings {
///     static let wire = WireName.hive
///     var heartbeat = Duration.seconds(60)
///
///     init(reading entry: inout MappingReader) {
///         heartbeat = entry.read("heartbeat", default: heartbeat, .duration(in: .seconds(1) ... .seconds(3600)))
///     }
/// }
/// ```
package protocol WireSettings: Hashable, Sendable {
    static var wire: WireName { get }

    /// Reads the keys it knows. The common keys of the entry are taken; what no one reads is reported as unknown.
    init(reading entry: inout MappingReader)
}

/// The wires that this program has, and the settings of those that have any: an explicit list.
package struct WireRegistry: Sendable {
    let built: [WireName]
    private let settings: [any WireSettings.Type]

    package init(built: [WireName], settings: [any WireSettings.Type] = []) {
        self.built = built
        self.settings = settings
    }

    /// The wires of this program.
    package static let plain = WireRegistry(built: [.native, .noema, .mesh], settings: [MeshSettings.self])

    /// Reads the keys of every wire that `choice` may come to use.
    func read(_ choice: WireChoice, from entry: inout MappingReader) -> [AnyWireSettings] {
        var result: [AnyWireSettings] = []
        for type in settings where choice == .only(type.wire) || choice == .auto && type.wire.isTriedByAuto {
            result.append(AnyWireSettings(base: type.init(reading: &entry)))
        }
        return result
    }
}

extension WireName {
    fileprivate var isTriedByAuto: Bool { self == .native || self == .noema }
}

/// The settings of one wire, whichever it is.
struct AnyWireSettings: Hashable, Sendable {
    let base: any WireSettings

    static func == (a: AnyWireSettings, b: AnyWireSettings) -> Bool {
        func equals<A: WireSettings>(_ a: A) -> Bool { a == b.base as? A }
        return equals(a.base)
    }

    func hash(into hasher: inout Hasher) { base.hash(into: &hasher) }
}
