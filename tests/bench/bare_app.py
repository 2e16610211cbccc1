"""The floor of a page of images: a bare Starlette handler with the product's query and nothing around it."""

import argparse
import json
from typing import Any

import uvicorn
from pymongo import AsyncMongoClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def create_app(mongo_url: str, database: str) -> Starlette:
    """GET /{dataset_id}?limit: the first documents of a dataset in the order of their paths, as they are stored."""
    images = AsyncMongoClient[dict[str, Any]](mongo_url)[database]["images"]

    async def page(request: Request) -> Response:
        query = {"dataset_id": request.path_params["dataset_id"], "valid_to": None}
        found = images.find(query).sort([("path", 1), ("_id", 1)]).limit(int(request.query_params["limit"]))
        text = json.dumps(await found.to_list(), ensure_ascii=False, separators=(",", ":"), default=str)
        return Response(text, media_type="application/json")

    return Starlette(routes=[Route("/{dataset_id}", page)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve pages of images with nothing around the driver.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mongo-url", required=True)
    parser.add_argument("--database", required=True)
    arguments = parser.parse_args()
    app = create_app(arguments.mongo_url, arguments.database)
    uvicorn.run(app, host="127.0.0.1", port=arguments.port, log_config=None, access_log=False)
