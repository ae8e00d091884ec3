extension RawSpan {
    func byte(at place: Int) -> UInt8 {
        precondition(place < byteCount)
        return unsafe unsafeLoad(fromUncheckedByteOffset: place, as: UInt8.self)
    }

    /// How many bytes from the start are the same in both: eight at a time, as texts are compared for every event.
    func sharedPrefix(with other: borrowing RawSpan) -> Int {
        let count = min(byteCount, other.byteCount)
        var place = 0
        while place + 8 <= count {
            let difference = unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: place, as: UInt64.self)
                ^ other.unsafeLoadUnaligned(fromUncheckedByteOffset: place, as: UInt64.self)
            guard difference == 0 else { return place + difference.littleEndian.trailingZeroBitCount / 8 }
            place += 8
        }
        while place < count, byte(at: place) == other.byte(at: place) { place += 1 }
        return place
    }

    func isSame(as other: borrowing RawSpan) -> Bool {
        byteCount == other.byteCount && sharedPrefix(with: other) == byteCount
    }

    /// Where the next newline is: eight bytes are looked at in one step.
    func firstNewline(from start: Int) -> Int? {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var place = start
        while place + 8 <= byteCount {
            let word = unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: place, as: UInt64.self) ^ (ones &* 0x0A)
            guard (word &- ones) & ~word & (ones &* 0x80) == 0 else { break }
            place += 8
        }
        while place < byteCount {
            if byte(at: place) == 0x0A { return place }
            place += 1
        }
        return nil
    }

    /// The end of what is neither a quote, a backslash, a control character nor above ASCII: eight bytes are looked at in one
    /// step.
    func endOfPlainText(from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var place = start
        while place + 8 <= byteCount {
            let word = unsafe UInt64(littleEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: place, as: UInt64.self))
            // A byte that is zero gets its highest bit; a borrow can only reach what lies above such a one.
            let (quotes, slashes) = (word ^ (ones &* 0x22), word ^ (ones &* 0x5C))
            let ends = (quotes &- ones) & ~quotes | (slashes &- ones) & ~slashes
            let controls = (word &- ones &* 0x20) & ~word
            let found = (ends | controls | word) & (ones &* 0x80)
            guard found == 0 else { return place + found.trailingZeroBitCount / 8 }
            place += 8
        }
        while place < byteCount {
            let byte = byte(at: place)
            guard 0x20..<0x80 ~= byte, byte != 0x22, byte != 0x5C else { break }
            place += 1
        }
        return place
    }
}
