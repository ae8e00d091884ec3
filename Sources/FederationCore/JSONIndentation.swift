extension JSON {
    /// The same value with a member on each line, for people to read.
    package var indented: [UInt8] {
        var bytes: [UInt8] = []
        indent(into: &bytes, depth: 0)
        return bytes
    }

    private func indent(into bytes: inout [UInt8], depth: Int) {
        func line(_ depth: Int) {
            bytes.append(0x0A)
            bytes.append(contentsOf: repeatElement(0x20, count: 2 * depth))
        }
        if let members, !members.isEmpty {
            bytes.append(0x7B)
            for (place, member) in members.enumerated() {
                if place > 0 { bytes.append(0x2C) }
                line(depth + 1)
                JSONWriter.append(quoted: member.key, to: &bytes)
                bytes += [0x3A, 0x20]
                member.value.indent(into: &bytes, depth: depth + 1)
            }
            line(depth)
            bytes.append(0x7D)
        } else if let array, !array.isEmpty {
            bytes.append(0x5B)
            for (place, element) in array.enumerated() {
                if place > 0 { bytes.append(0x2C) }
                line(depth + 1)
                element.indent(into: &bytes, depth: depth + 1)
            }
            line(depth)
            bytes.append(0x5D)
        } else {
            bytes.append(contentsOf: raw)
        }
    }
}
