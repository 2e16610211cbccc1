"""The access embedded in each shareable document, and the query that honours it."""

from typing import Literal

from pydantic import BaseModel

from shared.features.auth.models import Actor

Visibility = Literal["private", "public"]
Permission = Literal["read", "edit", "manage"]


class Access(BaseModel):
    """Who owns a document, whether everybody may read it, and who else may do what."""

    owner_id: str
    visibility: Visibility = "private"
    collaborators: dict[str, Permission] = {}


def readable_by(actor: Actor) -> dict[str, object]:
    """The query condition met by what `actor` may read."""
    return {"$or": [{"access.owner_id": actor.id}, {"access.visibility": "public"}, _collaborator(actor, "read")]}


def editable_by(actor: Actor) -> dict[str, object]:
    """The query condition met by what `actor` may change."""
    return {"$or": [{"access.owner_id": actor.id}, _collaborator(actor, "edit")]}


def _collaborator(actor: Actor, permission: Permission) -> dict[str, object]:
    allowed = {"read": ["read", "edit", "manage"], "edit": ["edit", "manage"], "manage": ["manage"]}[permission]
    return {f"access.collaborators.{actor.id}": {"$in": allowed}}
