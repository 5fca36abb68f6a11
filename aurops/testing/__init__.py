"""Fakes and targets for the tests of those who build on aurops; part of the product."""
