/// One memory of a Noema node: a row of its database. Its text is in a file, and the two can come apart.
package struct NoemaTrace: Hashable, Sendable {
    package var id: String
    package var title: String
    package var type: String
    package var author: String
    /// In byte order, as a query gives them.
    package var tags: [String]
    package var derivedFrom: [String]
    /// The display name that wrote it.
    package var origin: String
    package var cortexID: String
    package var tier: String
    /// `sha256:` and hex of what the file should hold.
    package var contentHash: String
    package var isSourceLocked: Bool
    /// Timestamps as the events gave them; empty for never.
    package var createdAt: String
    package var updatedAt: String
    package var archivedAt = ""
    package var trashedAt = ""
    package var votes = 0
    package var purgedAt = ""
    package var purgeReason = ""

    package var isArchived: Bool { !archivedAt.isEmpty }
    package var isTrashed: Bool { !trashedAt.isEmpty }

    /// The folder that its file should be in.
    var folder: NoemaFolder { isTrashed ? .trash : isArchived ? .archive : .active }
}

/// Where a trace's file is. Moving it is a rename, which fails where there is none.
package enum NoemaFolder: Hashable, Sendable { case active, archive, trash }

/// A trace's file.
struct NoemaFile: Hashable, Sendable {
    var folder: NoemaFolder
    var traceID: String
}

/// The slug of a title (Noema section 1.6): lower case, runs of anything but letters and digits as one `-`, a date
/// in front of it dropped, at most 100 characters.
func noemaSlug(_ title: String) -> String {
    var slug = ""
    for character in title.lowercased() {
        if character.isLetter || character.isNumber {
            slug.append(character)
        } else if !slug.isEmpty, slug.last != "-" {
            slug.append("-")
        }
    }
    let shape = slug.prefix(11).map { $0.isWholeNumber ? "0" : $0 }
    if shape.starts(with: "00000000-") {
        slug = String(slug.dropFirst(9))
    } else if shape.starts(with: "0000-00-00-") {
        slug = String(slug.dropFirst(11))
    }
    slug = String(slug.prefix(100))
    while slug.last == "-" { slug.removeLast() }
    return slug
}
