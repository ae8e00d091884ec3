extension LogWriting {
    /// Makes this log another node's: what the old identity wrote stays in it as that node's, under its key.
    ///
    /// - Parameter key: the old identity's, where it is known.
    package mutating func become(_ id: ULID, after old: ULID, key: String?, now: WallTime) throws(StoreFailure) {
        try setMeta(.identity, id.description)
        try setMeta(.ownNumber, "0")
        try setMeta(.stopped, nil)
        if let key { try OriginKeys.pin(key, of: old, now: now, in: &self) }
    }
}
