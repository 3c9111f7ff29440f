import Kit
import NodeLink
import Testing

@testable import Agent

@Suite struct DriftBookTests {
  private func finding(_ subject: String, _ field: DriftField = .power, found: String = "off") -> DriftFinding {
    DriftFinding(
      subject: subject, key: nil, field: field, asked: "running", found: found, since: .now(), done: "booted again")
  }

  @Test func oneOpenFindingOfAPlace() {
    var book = DriftBook()
    book.find(finding("a"))
    let first = book.take(complete: true).findings
    #expect(first.count == 1)
    book.find(finding("a"))
    #expect(book.isEmpty(complete: true), "the same is not said twice")
    book.find(finding("a", found: "paused"))
    let changed = book.take(complete: true).findings
    #expect(changed.map(\.found) == ["paused"])
    #expect(changed.first?.since == first.first?.since)
    book.failed("a", "no disk")
    #expect(book.take(complete: true).findings.map(\.done) == ["not yet: no disk"])
    book.settle("a", .power)
    let over = book.take(complete: true).findings
    #expect(over.count == 1)
    #expect(over.first?.settled != nil)
    #expect(over.first?.done == "booted again")
    book.settle("a", .power)
    #expect(book.isEmpty(complete: true))
  }

  @Test func whatIsOverIsSaidBeforeWhatOpensAgain() {
    var book = DriftBook()
    book.find(finding("a"))
    book.settle("a", .power)
    book.find(finding("a"))
    #expect(book.take(complete: true).findings.map { $0.settled == nil } == [false, true])
  }

  @Test func theWholeWaitsForTheFirstLookAndForRoom() {
    var book = DriftBook()
    book.sayAllAgain()
    #expect(book.isEmpty(complete: false))
    #expect(!book.isEmpty(complete: true))
    for index in 0..<(DriftBook.openMax + 10) { book.find(finding("s\(index)")) }
    #expect(book.dropped == 10)
    #expect(!book.take(complete: false).whole)
    for index in 0..<50 { book.settle("s\(index)", .power) }
    for index in 0..<50 { book.find(finding("t\(index)")) }
    let first = book.take(complete: true)
    #expect(!first.whole)
    #expect(first.findings.count == 100)
    #expect(first.findings.prefix(50).allSatisfy { $0.settled != nil })
    let second = book.take(complete: true)
    #expect(second.whole)
    #expect(second.findings.count == DriftBook.openMax)
    #expect(book.isEmpty(complete: true))
  }

  @Test func whatWasLostIsSaidAgain() {
    var book = DriftBook()
    book.sayAllAgain()
    book.find(finding("a"))
    book.find(finding("b"))
    book.settle("b", .power)
    let lost = book.take(complete: true)
    #expect(lost.whole)
    book.settle("a", .power)
    book.putBack(lost.findings, whole: lost.whole)
    let again = book.take(complete: true)
    #expect(again.whole)
    #expect(Set(again.findings.map(\.subject)) == ["a", "b"])
    #expect(again.findings.allSatisfy { $0.settled != nil })
  }

  @Test func whatFlapsWhileNobodyListensIsBounded() {
    var book = DriftBook()
    for index in 0..<(DriftBook.settledMax + 20) {
      book.find(finding("s\(index)"))
      book.settle("s\(index)", .power)
    }
    #expect(book.dropped == 20)
    for _ in 0..<100 {
      book.find(finding("flaps"))
      book.settle("flaps", .power)
    }
    var told: [DriftFinding] = []
    while !book.isEmpty(complete: true) { told += book.take(complete: true).findings }
    #expect(told.filter { $0.subject == "flaps" }.count == 1)
  }
}
