extension String {
    /// This text as one line of YAML: plain where that reads back the same in any place, else in double quotes.
    var yamlScalar: String {
        if isPlainScalar { return self }
        var text = "\""
        for scalar in unicodeScalars {
            switch scalar {
            case "\"", "\\":
                text.unicodeScalars.append("\\")
                text.unicodeScalars.append(scalar)
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20 || (0x7F...0xA0).contains(scalar.value) || scalar.isYAMLBreak:
                let digits = String(scalar.value, radix: 16, uppercase: true)
                text += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text + "\""
    }

    /// Letters, digits and what no YAML reader gives a meaning in the middle of a word; `: ` cannot come about, nor a
    /// colon at the end.
    private var isPlainScalar: Bool {
        guard let first = utf8.first, let last = utf8.last else { return false }
        return (first.isASCIIAlphanumeric || first == 0x2F) && last != 0x3A
            && utf8.allSatisfy { $0.isASCIIAlphanumeric || "/:._-+%~".utf8.contains($0) }
    }
}

extension Unicode.Scalar {
    fileprivate var isYAMLBreak: Bool { [0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF].contains(value) }
}
