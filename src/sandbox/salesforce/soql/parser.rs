//! From words to a query.

use super::Malformed;
use super::lexer::{Token, tokens};
use crate::sandbox::salesforce::record::parse_time;

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Query {
    pub(in super::super) fields: Vec<String>,
    pub(in super::super) count: bool,
    pub(in super::super) object: String,
    pub(super) condition: Option<Condition>,
    /// Field, and whether it descends.
    pub(super) order: Vec<(String, bool)>,
    pub(super) limit: Option<usize>,
    pub(in crate::sandbox::salesforce) offset: usize,
}

/// Conditions within conditions: each level takes room on the stack.
const DEPTH_MAX: usize = 100;

/// What rows must fulfil.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Condition {
    /// All of these. Side by side, since a query may hold ten thousand.
    And(Vec<Condition>),
    /// One of these.
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Compare(String, Comparison, Literal),
    In(String, bool, Vec<Literal>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Text(String),
    Number(f64),
    /// A time, in seconds.
    Time(i64),
    /// A day, as it is written.
    Date(String),
}

/// Reads a query.
pub(in super::super) fn parse(text: &str) -> Result<Query, Malformed> {
    if text.len() > 100_000 {
        return Err(Malformed("SOQL statements cannot be longer than 100000 characters.".to_owned()));
    }
    let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
    parser.keyword("SELECT")?;
    let (fields, count) = parser.selection()?;
    parser.keyword("FROM")?;
    let object = parser.word()?;
    let condition = if parser.takes("WHERE") { Some(parser.or()?) } else { None };
    let mut order = Vec::new();
    if parser.takes("ORDER") {
        parser.keyword("BY")?;
        loop {
            let field = parser.word()?;
            let descends = parser.takes("DESC");
            if !descends {
                parser.takes("ASC");
            }
            if parser.takes("NULLS") && !parser.takes("FIRST") {
                parser.keyword("LAST")?;
            }
            order.push((field, descends));
            if !parser.takes_sign(",") {
                break;
            }
        }
    }
    let limit = if parser.takes("LIMIT") { Some(parser.number()?) } else { None };
    let offset = if parser.takes("OFFSET") { parser.number()? } else { 0 };
    if let Some(token) = parser.tokens.get(parser.at) {
        return Err(Malformed(format!("unexpected token: {token:?}")));
    }
    Ok(Query { fields, count, object, condition, order, limit, offset })
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn next(&mut self) -> Result<Token, Malformed> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token.ok_or_else(|| Malformed("unexpected end of query".to_owned()))
    }

    fn takes(&mut self, keyword: &str) -> bool {
        let there =
            matches!(self.tokens.get(self.at), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(there);
        there
    }

    fn takes_sign(&mut self, sign: &str) -> bool {
        let there = matches!(self.tokens.get(self.at), Some(Token::Sign(found)) if *found == sign);
        self.at += usize::from(there);
        there
    }

    fn keyword(&mut self, keyword: &str) -> Result<(), Malformed> {
        if self.takes(keyword) { Ok(()) } else { Err(Malformed(format!("expecting {keyword}"))) }
    }

    fn sign(&mut self, sign: &str) -> Result<(), Malformed> {
        if self.takes_sign(sign) { Ok(()) } else { Err(Malformed(format!("expecting '{sign}'"))) }
    }

    fn word(&mut self) -> Result<String, Malformed> {
        match self.next()? {
            Token::Word(word) => Ok(word),
            other => Err(Malformed(format!("unexpected token: {other:?}"))),
        }
    }

    fn number(&mut self) -> Result<usize, Malformed> {
        self.word()?.parse().map_err(|_| Malformed("expecting a number".to_owned()))
    }

    fn selection(&mut self) -> Result<(Vec<String>, bool), Malformed> {
        let mut fields = vec![self.word()?];
        if fields[0].eq_ignore_ascii_case("COUNT") && self.takes_sign("(") {
            self.sign(")")?;
            return Ok((Vec::new(), true));
        }
        while self.takes_sign(",") {
            fields.push(self.word()?);
        }
        Ok((fields, false))
    }

    fn or(&mut self) -> Result<Condition, Malformed> {
        let mut any = vec![self.and()?];
        while self.takes("OR") {
            any.push(self.and()?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Condition::Or(any) })
    }

    fn and(&mut self) -> Result<Condition, Malformed> {
        let mut all = vec![self.single()?];
        while self.takes("AND") {
            all.push(self.single()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Condition::And(all) })
    }

    /// What stands within a `NOT` or parentheses.
    fn deeper(
        &mut self,
        read: impl FnOnce(&mut Parser) -> Result<Condition, Malformed>,
    ) -> Result<Condition, Malformed> {
        if self.depth == DEPTH_MAX {
            return Err(Malformed(format!("conditions are nested more than {DEPTH_MAX} deep")));
        }
        self.depth += 1;
        let condition = read(self);
        self.depth -= 1;
        condition
    }

    fn single(&mut self) -> Result<Condition, Malformed> {
        if self.takes("NOT") {
            return Ok(Condition::Not(Box::new(self.deeper(Parser::single)?)));
        }
        if self.takes_sign("(") {
            let inner = self.deeper(Parser::or)?;
            self.sign(")")?;
            return Ok(inner);
        }
        let field = self.word()?;
        if self.takes("LIKE") {
            return Ok(Condition::Compare(field, Comparison::Like, self.literal()?));
        }
        let negated = self.takes("NOT");
        if negated || self.takes("IN") {
            if negated {
                self.keyword("IN")?;
            }
            self.sign("(")?;
            let mut values = vec![self.literal()?];
            while self.takes_sign(",") {
                values.push(self.literal()?);
            }
            self.sign(")")?;
            return Ok(Condition::In(field, !negated, values));
        }
        let comparison = match self.next()? {
            Token::Sign("=") => Comparison::Equal,
            Token::Sign("!=" | "<>") => Comparison::Unequal,
            Token::Sign("<") => Comparison::Less,
            Token::Sign("<=") => Comparison::LessOrEqual,
            Token::Sign(">") => Comparison::Greater,
            Token::Sign(">=") => Comparison::GreaterOrEqual,
            other => return Err(Malformed(format!("unexpected token: {other:?}"))),
        };
        Ok(Condition::Compare(field, comparison, self.literal()?))
    }

    fn literal(&mut self) -> Result<Literal, Malformed> {
        Ok(match self.next()? {
            Token::Text(text) => Literal::Text(text),
            Token::Word(word) if word.eq_ignore_ascii_case("null") => Literal::Null,
            Token::Word(word) if word.eq_ignore_ascii_case("true") => Literal::Bool(true),
            Token::Word(word) if word.eq_ignore_ascii_case("false") => Literal::Bool(false),
            Token::Word(word) => match (word.parse(), parse_time(&word)) {
                (Ok(number), _) => Literal::Number(number),
                (_, Some(at)) => Literal::Time(at),
                _ if word.len() == 10 && word.matches('-').count() == 2 => Literal::Date(word),
                _ => return Err(Malformed(format!("unexpected token: '{word}'"))),
            },
            Token::Sign(sign) => return Err(Malformed(format!("unexpected token: '{sign}'"))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_bind_as_in_the_language() {
        let query =
            parse("select id from lead where A = 1 or B = 2 and not (C = 'x\\'y' or D = null) limit 5")
                .unwrap();
        let Some(Condition::Or(any)) = query.condition else { panic!("OR binds loosest") };
        assert!(matches!(any[..], [_, Condition::And(_)]));
        assert_eq!(query.limit, Some(5));
    }

    #[test]
    fn times_are_read_in_every_form_that_clients_send() {
        for time in ["2026-11-23T06:00:00Z", "2026-11-23T06:00:00+00:00", "2026-11-23T06:00:00.000+0000"] {
            let query = parse(&format!("SELECT Id FROM Lead WHERE SystemModstamp >= {time}")).unwrap();
            let Some(Condition::Compare(_, _, Literal::Time(at))) = query.condition else { panic!("{time}") };
            assert_eq!(at, 1_795_413_600);
        }
    }

    #[test]
    fn what_is_no_query_is_refused() {
        for text in [
            "",
            "SELECT",
            "SELECT Id FROM Lead WHERE",
            "SELECT Id FROM Lead LIMIT x",
            "SELECT Id FROM Lead WHERE A = 'x",
            "SELECT Id FROM Lead; DROP",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_condition_may_be_long_but_not_deep() {
        let asks = |condition: String| parse(&format!("SELECT Id FROM Lead WHERE {condition}"));
        assert!(asks(vec!["A = 1"; 9_000].join(" AND ")).is_ok());
        assert!(asks(vec!["A = 1"; 9_000].join(" OR ")).is_ok());
        assert!(asks(format!("{}A = 1{}", "(".repeat(100), ")".repeat(100))).is_ok());
        for deep in
            [format!("{}A = 1{}", "(".repeat(40_000), ")".repeat(40_000)), "NOT ".repeat(20_000) + "A = 1"]
        {
            assert!(asks(deep).unwrap_err().0.contains("nested"));
        }
    }
}
