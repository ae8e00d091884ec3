import FederationCore
import Testing

@Suite struct NoteAbsenceTests {
    private func at(_ seconds: Double) -> Instant { Instant(.milliseconds(Int(seconds * 1000))) }
    private func note(_ number: Int) -> ExactText { ExactText("note-\(number)") }

    @Test func oneThatIsMissingForASecondIsDeleted() {
        var absence = NoteAbsence()
        absence.missed(note(1), at: at(0))
        absence.missed(note(1), at: at(0.9))
        absence.missed(note(2), at: at(0.5))
        #expect(absence.wakeAt == at(1))
        #expect(absence.deleted(of: 9, at: at(0.9)) == [])
        #expect(absence.deleted(of: 9, at: at(1)) == [note(1)])
        absence.settled(note(1))
        absence.found(note(2), at: at(1))
        #expect(absence.deleted(of: 9, at: at(9)) == [] && absence.wakeAt == nil)
    }

    @Test func manyAtOnceAreNotDeletedUntilTheyAreFewAndRest() {
        var absence = NoteAbsence()
        for number in 0..<30 { absence.missed(note(number), at: at(0)) }
        #expect(absence.deleted(of: 40, at: at(0.5)) == [] && !absence.isTooMany)
        #expect(absence.deleted(of: 40, at: at(1)) == [] && absence.isTooMany)
        #expect(absence.deleted(of: 40, at: at(1000)) == [] && absence.isTooMany)
        // They are being put back, one after another: those that are still to come are not deleted.
        for number in 0..<28 {
            absence.found(note(number), at: at(1000 + Double(number) * 59))
            #expect(absence.deleted(of: 40, at: at(1000 + Double(number) * 59 + 58)) == [] && absence.isTooMany)
        }
        let last = 1000.0 + 27 * 59
        #expect(absence.wakeAt == at(last + 60))
        #expect(absence.deleted(of: 40, at: at(last + 59.9)) == [])
        // And those that do not come are.
        #expect(absence.deleted(of: 40, at: at(last + 60)) == [note(28), note(29)] && !absence.isTooMany)
    }

    @Test func allBackIsWell() {
        var absence = NoteAbsence()
        for number in 0..<30 { absence.missed(note(number), at: at(0)) }
        #expect(absence.deleted(of: 30, at: at(1)) == [] && absence.isTooMany)
        for number in 0..<30 { absence.found(note(number), at: at(2)) }
        #expect(absence.deleted(of: 30, at: at(2)) == [] && !absence.isTooMany)
    }

    @Test(arguments: [(20, 20, false), (21, 41, true), (21, 42, false), (1, 1, false), (500, 1001, false), (501, 1001, true)])
    func manyAreMoreThanTwentyAndMoreThanHalf(missing: Int, known: Int, isTooMany: Bool) {
        var absence = NoteAbsence()
        for number in 0..<missing { absence.missed(note(number), at: at(0)) }
        #expect(absence.deleted(of: known, at: at(1)).count == (isTooMany ? 0 : missing))
        #expect(absence.isTooMany == isTooMany)
    }

    @Test func whatWasMissedWithTheDirectoryIsMissedAnewAndLonger() {
        var absence = NoteAbsence()
        absence.missed(note(1), at: at(0))
        absence.directoryWasGone(at: at(1))
        #expect(absence.deleted(of: 3, at: at(5)) == [])
        absence.missed(note(1), at: at(5))
        absence.missed(note(2), at: at(5))
        #expect(absence.deleted(of: 3, at: at(60)) == [])
        absence.found(note(2), at: at(60))
        #expect(absence.deleted(of: 3, at: at(119)) == [])
        #expect(absence.deleted(of: 3, at: at(120)) == [note(1)])
        // From then on as any.
        absence.missed(note(3), at: at(130))
        #expect(absence.deleted(of: 3, at: at(131)).contains(note(3)))
    }
}
