import FederationCore

/// Nodes that others have suggested, for a person to look at.
enum AnnouncementText {
    static func lines(_ status: JSON) -> [String] {
        let rows = status.items("announced").map { each -> [String] in
            let refused = each.text("refused_address")
            let next =
                refused.isEmpty
                ? "look: federation preview --announced \(each.text("name"))"
                : "its address is \(refused): not asked unless 'access.announced_allow' names it"
            return ["  \(each.text("name"))", each.text("endpoint"), "by \(each.text("by")), \(each.text("at"))", next]
        }
        return rows.isEmpty ? [] : ["\nsuggested by others (nothing asks them)", columns(rows)]
    }
}
