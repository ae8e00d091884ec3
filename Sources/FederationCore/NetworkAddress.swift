/// An IPv4 or IPv6 address: four or sixteen bytes, as they travel.
package struct NetworkAddress: Hashable, Sendable {
    package let bytes: [UInt8]

    /// `nil` unless there are four or sixteen.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.bytes = bytes
    }

    package var isIPv4: Bool { bytes.count == 4 }

    /// Reads `192.0.2.1` or `2001:db8::1`. No other spelling is one: no `127.1`, no `0x7f.0.0.1`, no leading zeros, no
    /// zone, no brackets.
    package init?(_ text: some StringProtocol) {
        let text = Array(text.utf8)
        guard let bytes = text.contains(0x3A) ? NetworkAddress.ipv6(text[...]) : NetworkAddress.ipv4(text[...]) else {
            return nil
        }
        self.bytes = bytes
    }

    private static func ipv4(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        let parts = text.split(separator: 0x2E, omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != 0x30,
                part.allSatisfy({ (0x30...0x39).contains($0) }), let byte = UInt8(String(decoding: part, as: UTF8.self))
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    /// Groups of four hexadecimal digits, once shortened by `::`, perhaps with an IPv4 address at the end (RFC 4291, 2.2).
    private static func ipv6(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count <= 45 else { return nil }
        guard let gap = text.indices.dropLast().first(where: { text[$0] == 0x3A && text[$0 + 1] == 0x3A }) else {
            guard let bytes = groups(text), bytes.count == 16 else { return nil }
            return bytes
        }
        guard let head = groups(text[..<gap], mayEndInIPv4: false), let tail = groups(text[(gap + 2)...]) else { return nil }
        // `::` stands for one group at least.
        guard head.count + tail.count <= 14 else { return nil }
        return head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
    }

    private static func groups(_ text: ArraySlice<UInt8>, mayEndInIPv4: Bool = true) -> [UInt8]? {
        guard !text.isEmpty else { return [] }
        var bytes: [UInt8] = []
        let parts = text.split(separator: 0x3A, omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if mayEndInIPv4, index == parts.count - 1, part.contains(0x2E) {
                guard let last = ipv4(part) else { return nil }
                return bytes + last
            }
            guard (1...4).contains(part.count), let group = UInt16(String(decoding: part, as: UTF8.self), radix: 16),
                part.first != 0x2B, part.first != 0x2D
            else { return nil }
            bytes += [UInt8(group >> 8), UInt8(group & 0xFF)]
        }
        return bytes
    }

    /// Whether the first `length` bits are those of `prefix`.
    package func begins(with prefix: [UInt8], length: Int) -> Bool {
        for bit in 0..<length {
            let mask: UInt8 = 0x80 >> UInt8(bit % 8)
            guard bit / 8 < bytes.count, bit / 8 < prefix.count, bytes[bit / 8] & mask == prefix[bit / 8] & mask else {
                return false
            }
        }
        return true
    }
}

/// Some addresses that begin alike: `10.0.0.0/8`, `fd00::/8`, or one alone.
package struct AddressRange: Hashable, Sendable {
    package let first: NetworkAddress
    package let length: Int

    /// Reads an address, or an address, a slash and a number of bits. Bits behind those must be zero.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let address = NetworkAddress(parts[0]), parts.count <= 2 else { return nil }
        first = address
        guard parts.count == 2 else {
            length = address.bytes.count * 8
            return
        }
        guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let bits = Int(parts[1]), bits <= address.bytes.count * 8
        else { return nil }
        length = bits
        for bit in bits..<address.bytes.count * 8 where address.bytes[bit / 8] & (0x80 >> UInt8(bit % 8)) != 0 { return nil }
    }

    package var text: String {
        let shown = first.text
        return (first.isIPv4 ? shown : String(shown.dropFirst().dropLast())) + "/\(length)"
    }

    package func contains(_ address: NetworkAddress) -> Bool {
        address.bytes.count == first.bytes.count && address.begins(with: first.bytes, length: length)
    }

    /// Whether they have an address in common: then one of them holds the other.
    package func meets(_ other: AddressRange) -> Bool { contains(other.first) || other.contains(first) }
}
