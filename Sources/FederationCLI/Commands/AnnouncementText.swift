import FederationCore

/// Nodes that others have suggested, for a person to look at.
enum AnnouncementText {
    static func lines(_ status: JSON) -> [String] {
        let rows = status.items("announced").map { each -> [String] in
            let refused = each.text("refused_address")
            let bound = hint(refused) == nil ? "never asked" : "not asked unless 'access.announced_allow' names it"
            let next =
                refused.isEmpty
                ? "look: federation preview --announced \(each.text("name"))" : "its address is \(refused): \(bound)"
            return ["  \(each.text("name"))", each.text("endpoint"), "by \(each.text("by")), \(each.text("at"))", next]
        }
        return rows.isEmpty ? [] : ["\nsuggested by others (nothing asks them)", columns(rows)]
    }

    /// What to do where an address of a kind is refused; nothing lets anybody in where clouds keep their secrets.
    static func hint(_ kind: String) -> String? {
        AddressKind(rawValue: kind) == .metadata ? nil : "if it is in a network of yours, name that in 'access.announced_allow'"
    }
}
