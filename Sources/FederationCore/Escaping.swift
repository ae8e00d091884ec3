extension String {
    /// This text with every character that could move a cursor, end a line or reorder what is shown written as an
    /// escape, so that it can be put in a log line or a terminal: `\n`, `\t`, `\r`, `\\`, else `\u{1B}`.
    ///
    /// Escaped are the C0 and C1 controls and DEL, line and paragraph separators, the bidirectional controls, the
    /// other invisible format characters, tags, private use and noncharacters. Bytes that are not UTF-8 never become
    /// a `String`; decoding has turned them into U+FFFD, which is shown as it is.
    package var escapedForTerminal: String { escapedForTerminal(limit: .max) }

    /// The same, cut after `limit` characters of output, with `…` where something was left out.
    package func escapedForTerminal(limit: Int) -> String {
        var text = ""
        var count = 0
        for scalar in unicodeScalars {
            let piece = scalar.isPlain ? nil : scalar.escape
            let length = piece?.utf8.count ?? 1
            guard count + length <= limit else { return text + "…" }
            count += length
            if let piece { text += piece } else { text.unicodeScalars.append(scalar) }
        }
        return text
    }
}

extension Unicode.Scalar {
    /// Safe to show as it is. Asked by range first: reading Unicode properties costs more than most texts are worth.
    fileprivate var isPlain: Bool {
        switch value {
        case 0x5C: false
        case 0x20...0x7E: true
        case 0xA1...0x2FF where value != 0xAD: true
        default:
            switch properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: false
            // U+00A0 and its like look like a space and are none; only the space itself is shown plain.
            case .spaceSeparator: value == 0x20
            default: true
            }
        }
    }

    fileprivate var escape: String {
        switch value {
        case 0x09: "\\t"
        case 0x0A: "\\n"
        case 0x0D: "\\r"
        case 0x5C: "\\\\"
        default: "\\u{" + String(value, radix: 16, uppercase: true) + "}"
        }
    }
}
