/// One row of the `events` table of a Noema cortex (Noema section 1.2), as its database gave it.
package struct NoemaRow: Hashable, Sendable {
    /// The columns as their bytes; `nil` for NULL and for a column that an older cortex does not have.
    package struct Columns: Hashable, Sendable {
        package var id: [UInt8]?
        package var action: [UInt8]?
        package var subject: [UInt8]?
        package var origin: [UInt8]?
        package var originName: [UInt8]?
        package var timestamp: [UInt8]?
        package var data: [UInt8]?
        package var clock: [UInt8]?
        package var signature: [UInt8]?
        package var publicKey: [UInt8]?

        package init() {}
    }

    package enum Content: Hashable, Sendable {
        case columns(Columns)
        /// A value is longer than any database of ours may hold.
        case tooLarge
        /// The database is damaged here.
        case damaged
    }

    /// The row's place in the order of arrival there.
    package var place: Int64
    package var content: Content

    package init(place: Int64, content: Content) {
        self.place = place
        self.content = content
    }
}

extension NoemaRow.Columns {
    /// The event of this row, with `data` byte for byte, or why it is none.
    ///
    /// Every column is checked by itself before they are put together: no value can pretend to be another member.
    package var item: PulledItem {
        do throws(EventRefusal) {
            return PulledItem(json: try json())
        } catch {
            return .unreadable(error, bytes: [], id: readable(id), subject: readable(subject))
        }
    }

    private func json() throws(EventRefusal) -> [UInt8] {
        let texts: [(EventField, [UInt8]?)] = [
            (.id, id), (.action, action), (.traceID, subject), (.cortexID, origin), (.origin, originName),
            (.timestamp, timestamp),
        ]
        var writer = JSONWriter()
        var refusal: EventRefusal?
        func member(_ field: EventField, _ value: [UInt8]?, _ writer: inout JSONWriter) {
            guard let value else {
                refusal = refusal ?? .missing(field)
                return
            }
            guard value.count <= Limits.eventTextBytes else {
                refusal = refusal ?? .textTooLong(field, bytes: value.count)
                return
            }
            guard let text = String(validating: value, as: UTF8.self) else {
                refusal = refusal ?? .wrongType(field)
                return
            }
            writer.member(field.rawValue, text)
        }
        func raw(_ field: EventField, _ value: [UInt8]?, _ writer: inout JSONWriter) throws(EventRefusal) {
            guard let value, !value.isEmpty else { return }
            guard value.count <= Limits.eventBytes else { throw .tooLarge(bytes: value.count) }
            do { _ = try JSON(value) } catch { throw .notJSON(error) }
            writer.key(field.rawValue)
            writer.raw(value)
        }
        var failure: EventRefusal?
        writer.object { writer in
            for (field, value) in texts { member(field, value, &writer) }
            do throws(EventRefusal) {
                try raw(.data, data, &writer)
                try raw(.vclock, clock, &writer)
            } catch { failure = error }
            for (field, value) in [(EventField.signature, signature), (.pubkey, publicKey)] where value?.isEmpty == false {
                member(field, value, &writer)
            }
        }
        if let refusal = refusal ?? failure { throw refusal }
        return writer.bytes
    }

    private func readable(_ value: [UInt8]?) -> String {
        guard let value, value.count <= Limits.eventTextBytes else { return "" }
        return String(decoding: value, as: UTF8.self)
    }
}
