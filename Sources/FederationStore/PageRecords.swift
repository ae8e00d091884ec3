internal import FederationCore

/// One value of a row, read from a page without SQLite.
enum SalvagedValue: Hashable {
    case null
    case integer(Int64)
    /// Nothing of ours is one.
    case real
    case text([UInt8])
    case blob([UInt8])

    var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    var blob: [UInt8]? { if case .blob(let bytes) = self { bytes } else { nil } }

    /// `nil` for what is no text, or none in UTF-8.
    var text: String? {
        guard case .text(let bytes) = self else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}

/// The rows on one page of a b-tree. Each place is checked against the page before it is read: nothing on it is believed.
///
/// ("Database File Format", sections 1.6 and 2.)
struct PageRecords {
    enum Kind: UInt8 {
        /// Rows of a table, with their rowids.
        case table = 0x0D
        /// Rows of a table without rowids, or entries of an index.
        case index = 0x0A
        /// The same, between the pages below it.
        case indexInterior = 0x02
    }

    let kind: Kind
    /// How many cells the page says to have.
    let count: Int
    private let bytes: [UInt8]
    private let start: Int
    private let pages: DamagedPages

    /// `nil` for a page that has no rows: one that is no page of a b-tree, is free, or was overwritten.
    init?(_ number: Int, of pages: DamagedPages) {
        guard let bytes = pages.page(number) else { return nil }
        let start = number == 1 ? 100 : 0
        guard let kind = Kind(rawValue: bytes[start]) else { return nil }
        count = Int(bytes[start + 3]) << 8 | Int(bytes[start + 4])
        // A cell has at least four bytes and its two of a pointer.
        guard count > 0, count <= bytes.count / 6 else { return nil }
        self.kind = kind
        self.bytes = bytes
        self.start = start
        self.pages = pages
    }

    /// How many columns a row has, and its rowid, by what stands on this page alone; `nil` where it cannot be a row.
    func outline(_ cell: Int) -> (rowid: Int64, columns: [UInt64])? {
        guard let (rowid, payload, place) = self.cell(cell) else { return nil }
        let local = min(localBytes(of: payload), bytes.count - place)
        guard local > 0, let columns = PageRecords.header(of: bytes[place..<place + local], payload)?.types else { return nil }
        return (rowid, columns)
    }

    /// The row whole, with what of it stands on other pages.
    func row(_ cell: Int) -> (rowid: Int64, values: [SalvagedValue])? {
        guard let (rowid, payload, place) = self.cell(cell), let record = record(payload, at: place),
            let (types, body) = PageRecords.header(of: record[...], payload)
        else { return nil }
        var values: [SalvagedValue] = []
        var next = body
        for type in types {
            guard let value = PageRecords.value(type, in: record, at: &next) else { return nil }
            values.append(value)
        }
        return next == record.count ? (rowid, values) : nil
    }

    /// The rowid, the length of the row and where it begins.
    private func cell(_ index: Int) -> (rowid: Int64, payload: Int, place: Int)? {
        let pointers = start + (kind == .indexInterior ? 12 : 8)
        let pointer = pointers + 2 * index
        guard index < count, pointer + 2 <= bytes.count else { return nil }
        var place = Int(bytes[pointer]) << 8 | Int(bytes[pointer + 1])
        guard place >= pointers + 2 * count, place < bytes.count else { return nil }
        if kind == .indexInterior { place += 4 }
        guard let payload = PageRecords.varint(bytes[...], &place), payload <= UInt64(SQLiteConnection.maxValueBytes)
        else { return nil }
        var rowid: UInt64 = 0
        if kind == .table {
            guard let found = PageRecords.varint(bytes[...], &place) else { return nil }
            rowid = found
        }
        return (Int64(bitPattern: rowid), Int(payload), place)
    }

    /// How much of a row stands on the page itself.
    private func localBytes(of payload: Int) -> Int {
        let most = kind == .table ? pages.usable - 35 : (pages.usable - 12) * 64 / 255 - 23
        guard payload > most else { return payload }
        let least = (pages.usable - 12) * 32 / 255 - 23
        let rest = least + (payload - least) % (pages.usable - 4)
        return rest <= most ? rest : least
    }

    private func record(_ payload: Int, at place: Int) -> [UInt8]? {
        let local = localBytes(of: payload)
        guard place + local <= bytes.count else { return nil }
        var record = Array(bytes[place..<place + local])
        guard local < payload else { return record }
        var next = Int(bytes.bigEndian(at: place + local))
        // Each page gives something, so that a chain which leads into itself ends.
        while record.count < payload {
            guard let page = pages.page(next) else { return nil }
            record += page[4..<min(pages.usable, 4 + payload - record.count)]
            next = Int(page.bigEndian(at: 0))
        }
        return record
    }

    /// The types of the columns, and where the first value begins.
    private static func header(of record: ArraySlice<UInt8>, _ payload: Int) -> (types: [UInt64], body: Int)? {
        var place = record.startIndex
        guard let length = varint(record, &place), length <= UInt64(payload), length <= 512 else { return nil }
        let end = record.startIndex + Int(length)
        guard end <= record.endIndex else { return nil }
        var types: [UInt64] = []
        while place < end {
            guard let type = varint(record, &place) else { return nil }
            types.append(type)
        }
        return place == end && !types.isEmpty ? (types, Int(length)) : nil
    }

    private static func value(_ type: UInt64, in record: [UInt8], at place: inout Int) -> SalvagedValue? {
        func take(_ length: Int) -> ArraySlice<UInt8>? {
            guard length <= record.count - place else { return nil }
            defer { place += length }
            return record[place..<place + length]
        }
        func integer(_ length: Int) -> SalvagedValue? {
            guard let bytes = take(length), let first = bytes.first else { return nil }
            return .integer(bytes.dropFirst().reduce(Int64(Int8(bitPattern: first))) { $0 << 8 | Int64($1) })
        }
        switch type {
        case 0: return .null
        case 1, 2, 3, 4: return integer(Int(type))
        case 5: return integer(6)
        case 6: return integer(8)
        case 7: return take(8) == nil ? nil : .real
        case 8, 9: return .integer(Int64(type) - 8)
        case 10, 11: return nil
        default:
            guard type <= UInt64(SQLiteConnection.maxValueBytes) * 2 + 13, let bytes = take(Int(type - 12) / 2) else { return nil }
            return type % 2 == 0 ? .blob(Array(bytes)) : .text(Array(bytes))
        }
    }

    /// A number of one to nine bytes, as SQLite writes them.
    private static func varint(_ bytes: ArraySlice<UInt8>, _ place: inout Int) -> UInt64? {
        var value: UInt64 = 0
        for index in 0..<9 {
            guard place < bytes.endIndex else { return nil }
            let byte = bytes[place]
            place += 1
            if index == 8 { return value << 8 | UInt64(byte) }
            value = value << 7 | UInt64(byte & 0x7F)
            if byte < 0x80 { return value }
        }
        return value
    }
}
