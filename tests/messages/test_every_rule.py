"""Whatever there is a rule for is told: to whom it is true of, in their language, once."""

from __future__ import annotations

import pytest

from app.identity.models import Resident
from app.kernel.facts.publishing import reactions_of
from app.messages.making import tell
from app.messages.models import Message
from app.messages.rulebook import RULES, Rule
from app.messages.wording import LANGUAGES, kinds
from tests.messages.situations import SITUATIONS
from tests.personal_data.everything import make_user_of_everything
from tests.portal import Portal


@pytest.mark.parametrize("rule", RULES, ids=[rule.template for rule in RULES])
async def test_a_fact_is_told_once_in_the_readers_language_and_by_no_other_rule(portal: Portal, rule: Rule) -> None:
    for at, language in enumerate(LANGUAGES):
        used = await make_user_of_everything()
        await Resident.filter(id=used.id).update(language=language)
        await Message.filter(resident_id=used.id).delete()
        fact, said = await SITUATIONS[rule.template](used)

        heard = [one for one in RULES if one.fact is type(fact)]
        made = [[one.template for one in heard if await tell(one, fact)] for _ in range(2)]

        title, body = kinds()[rule.template].inbox[language]
        words = {name: spoken[at] for name, spoken in said.items()}
        if type(fact).__name__.startswith("Mandate"):  # the other of the two is told as well
            made = [[template for template in turn if template == rule.template] for turn in made]
        assert made == [[rule.template], []]
        [message] = await Message.filter(resident_id=used.id)
        assert (message.key, message.language) == (rule.template, language)
        assert (message.title, message.body) == (title.format(**words), body.format(**words))


@pytest.mark.parametrize("rule", RULES, ids=[rule.template for rule in RULES])
def test_every_rule_listens_to_its_fact(portal: Portal, rule: Rule) -> None:
    for fact in (rule.fact, *rule.also):
        name = f"messages.tell_{rule.template.replace('-', '_')}<{fact.__name__}"
        assert reactions_of(fact).count(name) == 1
