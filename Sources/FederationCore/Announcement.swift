/// What somebody has told us of another node (`announce_peer`): a suggestion, which nobody follows but a person.
package struct Announcement: Hashable, Sendable {
    /// What the node is to be called: fit to be the name of a peer.
    package var name: String
    /// As `AnnouncedURL` spells it.
    package var endpoint: String
    /// Who said so: a peer by its name, or a numeric address.
    package var by: String
    package var at: WallTime

    package init(name: String, endpoint: String, by: String, at: WallTime) {
        self.name = name
        self.endpoint = endpoint
        self.by = by
        self.at = at
    }
}

/// The suggestions that are kept, one of each who made any, the oldest first (`federation_state`, key `announced`).
package struct Announcements: Hashable, Sendable {
    package private(set) var kept: [Announcement] = []

    package init() {}

    /// Reads what `json` wrote; what is malformed is left out.
    package init(json text: String) {
        for each in ((try? JSON(Array(text.utf8)))?.array ?? []).prefix(Limits.announcements) {
            guard let name = each["name"]?.string, let endpoint = each["endpoint"]?.string, let by = each["by"]?.string,
                let at = each["at"]?.string.flatMap({ WallTime(rfc3339: $0) })
            else { continue }
            kept.append(Announcement(name: name, endpoint: endpoint, by: by, at: at))
        }
    }

    package var json: String {
        var writer = JSONWriter()
        writer.array { writer in
            for each in kept {
                writer.object {
                    $0.member("name", each.name)
                    $0.member("endpoint", each.endpoint)
                    $0.member("by", each.by)
                    $0.member("at", each.at.rfc3339)
                }
            }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    package subscript(name: String) -> Announcement? { kept.last { $0.name == name } }

    /// Takes in what was said last by each. A name that somebody else has suggested already stays his: nobody can put his
    /// own endpoint under a name that a person has seen.
    ///
    /// - Returns: whether that changes anything that is worth writing down.
    package mutating func take(_ new: Announcement) -> Bool {
        guard !kept.contains(where: { $0.name == new.name && $0.by != new.by }) else { return false }
        if let known = kept.first(where: { $0.by == new.by }) {
            let isSame = known.name == new.name && known.endpoint == new.endpoint
            // Said again and again, it costs a write now and then.
            guard known.at.advanced(by: isSame ? Limits.announcementPause * 60 : Limits.announcementPause) <= new.at else { return false }
        }
        kept.removeAll { $0.by == new.by }
        kept.append(new)
        kept.removeFirst(max(0, kept.count - Limits.announcements))
        return true
    }
}
