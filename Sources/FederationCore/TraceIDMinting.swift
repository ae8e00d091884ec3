/// Makes the ids of the records we create: `YYYYMMDD-<slug>-<6 characters>`.
///
/// The slug is for people; the six characters (31 bits) keep two nodes that write the same title on the same day from
/// naming one record. All is ASCII, and at most 64 characters long: no Noema node refuses such an id, not even an
/// early one, which takes fewer (section 1.6).
package enum TraceIDMinting {
    /// Characters of a slug that are kept.
    package static let slugLength = 48
    /// The slug of a title that leaves none.
    package static let emptySlug = "note"

    /// An id for a record of this title. It always has the form that `isTraceID` asks for.
    ///
    /// - Parameter random: gives the last six characters.
    package static func traceID(
        title: String, at time: WallTime, using random: inout some RandomNumberGenerator
    ) -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
        let suffix = (0..<6).map { _ in alphabet[Int.random(in: alphabet.indices, using: &random)] }
        return "\(time.compactDate)-\(slug(title))-\(String(decoding: suffix, as: UTF8.self))"
    }

    /// The letters and digits of a title in lower case, everything between them as one `-`.
    ///
    /// A Latin letter with a mark counts as the letter; other letters beyond ASCII are left out. A date at the
    /// beginning is dropped, as Noema drops it: the id has one.
    package static func slug(_ title: String) -> String {
        var slug: [UInt8] = []
        for scalar in title.unicodeScalars {
            if let letters = latinLetters(of: scalar) {
                slug += letters
            } else if separates(scalar), let last = slug.last, last != hyphen {
                slug.append(hyphen)
            }
            // Enough for a date and a whole slug; a title may have megabytes.
            if slug.count > slugLength + 16 { break }
        }
        slug = Array(slug.dropFirst(leadingDateLength(of: slug)).prefix(slugLength))
        while slug.last == hyphen { slug.removeLast() }
        return slug.isEmpty ? emptySlug : String(decoding: slug, as: UTF8.self)
    }

    /// Characters of a title that is found in a text.
    package static let titleLength = 200

    /// The text of the first Markdown heading (`#` to `######`), else of the first line that is not empty, cut to
    /// `titleLength`.
    package static func title(ofMarkdown text: String) -> String? {
        var firstLine: String?
        var rest = text.unicodeScalars[...]
        // A line at a time: a text may have megabytes, and is called by what it begins with.
        while !rest.isEmpty {
            let end = rest.firstIndex(where: endsLine) ?? rest.endIndex
            let words = rest[..<end].drop(while: \.properties.isWhitespace)
            rest = rest[end...].dropFirst()
            let marks = words.prefix(while: { $0 == "#" }).count
            let heading = words.dropFirst(marks)
            if (1...6).contains(marks), heading.first?.properties.isWhitespace == true, let title = trimmed(heading) {
                return title
            }
            if firstLine == nil { firstLine = trimmed(words) }
        }
        return firstLine
    }

    /// One of Unicode's line breaks, as `Character.isNewline` has them.
    private static func endsLine(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x0A...0x0D, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }

    private static let hyphen: UInt8 = 0x2D

    /// Whether it stands between words, and is no letter (or part of one) that has no place in a slug.
    private static func separates(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .format: false
        default: !scalar.properties.isAlphabetic
        }
    }

    private static func latinLetters(of scalar: Unicode.Scalar) -> [UInt8]? {
        if scalar.isASCII {
            let byte = UInt8(truncatingIfNeeded: scalar.value)
            switch byte {
            case 0x30...0x39, 0x61...0x7A: return [byte]
            case 0x41...0x5A: return [byte + 0x20]
            default: return nil
            }
        }
        // `LATIN SMALL LETTER E WITH ACUTE`, `LATIN CAPITAL LETTER AE`: the fourth word, if it is that short.
        guard let words = scalar.properties.name?.split(separator: " "),
            words.count == 4 || words.dropFirst(4).first == "WITH",
            words[0] == "LATIN", words[2] == "LETTER", words[3].utf8.count <= 2
        else { return nil }
        return words[3].utf8.map { $0 | 0x20 }
    }

    /// The length of `YYYYMMDD-` or `YYYY-MM-DD-` at the beginning.
    private static func leadingDateLength(of slug: [UInt8]) -> Int {
        for form in ["00000000-", "0000-00-00-"] {
            let fits =
                slug.count >= form.utf8.count
                && zip(slug, form.utf8).allSatisfy { $1 == hyphen ? $0 == hyphen : (0x30...0x39).contains($0) }
            if fits { return form.utf8.count }
        }
        return 0
    }

    /// Without white space at either end, and cut; `nil` where nothing else is there.
    private static func trimmed(_ text: Substring.UnicodeScalarView) -> String? {
        let start = text.drop(while: \.properties.isWhitespace)
        guard let last = start.lastIndex(where: { !$0.properties.isWhitespace }) else { return nil }
        return String(Substring(start[...last]).prefix(titleLength))
    }
}
