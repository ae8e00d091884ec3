/// What an address is for, by the registries of special-purpose addresses (IANA; RFC 6890 and later ones).
public enum AddressKind: String, Hashable, Sendable, CaseIterable {
    /// Anybody's, on the open internet.
    case global
    case unspecified
    case loopback
    case privateUse = "private"
    case linkLocal = "link_local"
    /// Behind a carrier's address translation: not one's own, and not the internet's.
    case carrierNAT = "carrier_nat"
    /// Where a cloud tells a machine its secrets.
    case metadata
    case multicast
    case documentation
    case benchmarking
    /// A tunnel or a translator that leads nobody knows where.
    case tunnel
    case reserved
}

/// Decides which addresses may be asked because somebody else has named them (design section 8).
///
/// An IPv6 address that stands for an IPv4 one is judged by that. What is not global is refused unless the configuration
/// lets it in; where clouds keep their secrets, never.
package struct AddressGuard: Hashable, Sendable {
    package enum Verdict: Hashable, Sendable {
        case allowed
        case refused(AddressKind)
    }

    /// Ranges that are allowed although they are not global.
    package var allowed: [AddressRange]

    package init(allowed: [AddressRange] = []) { self.allowed = allowed }

    package func verdict(on address: NetworkAddress) -> Verdict {
        let kind = AddressGuard.kind(of: address)
        guard kind != .global else { return .allowed }
        guard kind != .metadata else { return .refused(.metadata) }
        let meant = [address] + [AddressGuard.embedded(in: address)].compactMap { $0 }
        return allowed.contains { meant.contains(where: $0.contains) } ? .allowed : .refused(kind)
    }

    package static func kind(of address: NetworkAddress) -> AddressKind {
        if metadata.contains(where: { $0.contains(address) }) { return .metadata }
        if let inner = embedded(in: address) {
            let kind = kind(of: inner)
            // What only one network translates leads nowhere else, whatever it stands for.
            let isLocal = address.begins(with: [0, 0x64, 0xFF, 0x9B, 0, 1], length: 48)
            return kind == .global && isLocal ? .tunnel : kind
        }
        return (address.isIPv4 ? ipv4 : ipv6).first { $0.range.contains(address) }?.kind
            ?? (address.isIPv4 ? .global : .reserved)
    }

    /// Whether some address of that kind is in the range, by the ranges that are known here.
    package static func has(_ kind: AddressKind, in range: AddressRange) -> Bool {
        if kind == .metadata { return metadata.contains { $0.meets(range) } }
        return (ipv4 + ipv6).contains { $0.kind == kind && $0.range.meets(range) }
    }

    /// The IPv4 address that an IPv6 address stands for.
    static func embedded(in address: NetworkAddress) -> NetworkAddress? {
        guard !address.isIPv4 else { return nil }
        let bytes = address.bytes
        func at(_ indices: Int...) -> NetworkAddress? { NetworkAddress(bytes: indices.map { bytes[$0] }) }
        // Mapped (RFC 4291, 2.5.5.2), and translated for SIIT (RFC 2765).
        if address.begins(with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], length: 96) { return at(12, 13, 14, 15) }
        if address.begins(with: [0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0], length: 96) { return at(12, 13, 14, 15) }
        // Compatible (RFC 4291, 2.5.5.1), but for `::` and `::1`, which are themselves.
        if address.begins(with: [UInt8](repeating: 0, count: 12), length: 96), bytes[12...14] != [0, 0, 0] {
            return at(12, 13, 14, 15)
        }
        // NAT64 (RFC 6052; RFC 8215 for one's own, whose prefix is 48 bits long).
        if address.begins(with: [0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0], length: 96) { return at(12, 13, 14, 15) }
        if address.begins(with: [0, 0x64, 0xFF, 0x9B, 0, 1], length: 48) { return at(6, 7, 9, 10) }
        // 6to4 (RFC 3056).
        if address.begins(with: [0x20, 0x02], length: 16) { return at(2, 3, 4, 5) }
        return nil
    }

    private struct Entry: Sendable {
        let range: AddressRange
        let kind: AddressKind
    }

    private static func entries(_ table: [(String, AddressKind)]) -> [Entry] {
        table.compactMap { text, kind in AddressRange(text).map { Entry(range: $0, kind: kind) } }
    }

    /// Amazon's and everybody's, Amazon's over IPv6, Alibaba's, Oracle's, and Amazon's for containers.
    private static let metadata = [
        "169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "169.254.170.2", "fd00:ec2::23",
    ].compactMap { AddressRange($0) }

    private static let ipv4 = entries([
        ("0.0.0.0/32", .unspecified), ("0.0.0.0/8", .reserved), ("10.0.0.0/8", .privateUse), ("100.64.0.0/10", .carrierNAT),
        ("127.0.0.0/8", .loopback), ("169.254.0.0/16", .linkLocal), ("172.16.0.0/12", .privateUse), ("192.0.0.0/24", .reserved),
        ("192.0.2.0/24", .documentation), ("192.31.196.0/24", .reserved), ("192.52.193.0/24", .reserved),
        ("192.88.99.0/24", .tunnel), ("192.168.0.0/16", .privateUse), ("192.175.48.0/24", .reserved),
        ("198.18.0.0/15", .benchmarking), ("198.51.100.0/24", .documentation), ("203.0.113.0/24", .documentation),
        ("224.0.0.0/4", .multicast), ("240.0.0.0/4", .reserved),
    ])

    /// Only 2000::/3 is given out; what is in none of these is reserved.
    private static let ipv6 = entries([
        ("::/128", .unspecified), ("::1/128", .loopback), ("fc00::/7", .privateUse), ("fe80::/10", .linkLocal),
        ("fec0::/10", .privateUse), ("ff00::/8", .multicast), ("100::/64", .reserved), ("2001::/32", .tunnel),
        ("2001:2::/48", .benchmarking), ("2001:10::/28", .reserved), ("2001:20::/28", .reserved),
        ("2001:db8::/32", .documentation), ("2001::/23", .reserved), ("3fff::/20", .documentation),
        ("5f00::/16", .reserved), ("2000::/3", .global),
    ])
}
